"""Given names as they are spelt in Latin letters, and short forms that stand for one name alone.

`ONE_NAME`: spellings of the same name in the same language; equivalents in other languages (John, Juan) are
other names. `FORMAL`: short forms, used only beside something else that is said of the person.
Source: ADR-0046; compiled for this project from general knowledge of the names.
"""

from caveat.screens.identifiers.vocabulary import words

_SPELT = """
mohammed muhammad mohamed muhammed mohammad mohamad muhamad mehmed mohamet mahammad muhamed
ahmed ahmad achmed ahmet akhmed akhmad
hussein husain hussain hosein hossein husayn houssein huseyin hussien
hassan hasan hasen hassane
yusuf yousef youssef yosef yusef yousuf yousif youssouf jusuf
omar umar omer
osama usama oussama
khaled khalid chaled halid
saeed saied saeid
fatima fatimah fatma fatema
aisha ayesha aysha aicha aishah
abdullah abdallah abdulla abdalla
ibrahim ebrahim ibraheem
ismail ismael esmail
mustafa mostafa moustafa mustapha
mahmoud mahmud mahmood
karim kareem kerim
rashid rasheed rachid
jamal gamal djamal dzhamal cemal
nasser nasir naser
tariq tarek tarik tareq
zainab zaynab zeinab zeynep
layla leila laila leyla
maryam mariam miriam meryem
sergei sergey serguei sergej
alexei aleksei alexey aleksey alexej
andrei andrey andrej
dmitri dmitry dmitriy dimitri dmitrij dimitry
alexander aleksandr alexandr aleksander aleksandar alexandre
alexandra aleksandra
yuri yury yuriy iouri juri jurij yurii
nikolai nikolay nikolaj nicolai nikolaj
mikhail michail mihail mixail
ekaterina yekaterina jekaterina katerina
elena yelena jelena
evgeny evgeni evgeniy yevgeny yevgeni yevgeniy jewgeni evgenii
evgenia evgeniya yevgenia yevgeniya
natalia nataliya natalya natalja
yulia julia yuliya iulia julija
tatiana tatyana tatjana tetiana
maria mariya marija mariia
anastasia anastasiya anastasija
ksenia kseniya xenia ksenija
vladimir wladimir volodymyr vladymyr
vasily vasili vasiliy wassili vassili
fyodor fedor fjodor feodor
pyotr petr piotr
ilya ilia ilja
oleksandr olexandr olexander
oleksiy oleksii olexiy
serhiy serhii sergiy
andriy andrii
yaroslav jaroslav iaroslav
georgios giorgos yorgos georgos
ioannis yannis giannis yiannis
dimitrios dimitris
konstantinos kostas constantinos
christos hristos
"""
_ALIKE = """
steven stephen
geoffrey jeffrey jeffery
catherine katherine kathryn katharine cathryn catharine
sara sarah
hanna hannah
ann anne
eric erik erick
marc mark marck
karl carl
carolin caroline karoline
nicholas nicolas nikolas
philip phillip filip
jon john
teresa theresa tereza
lukas lucas
tomas thomas
matthias mathias matias
kristina christina krystyna
kristian christian
zhang chang
xu hsu
zhou chou
zhao chao
qian chien
jiang chiang
xie hsieh
zheng cheng
cai tsai
xiao hsiao
deng teng
kim gim
lee yi rhee
park pak bak
choi choe
jung jeong chung
kang gang
yoon yun
nguyen nguen
sofia sophia sofiya sofija zofia
viktor victor wiktor
"""
_SHORT = """
william bill billy will willy liam
robert bob bobby rob robbie
richard dick rick ricky rich
james jim jimmy jamie
john jack johnny
joseph joe joey
michael mike mick mickey
thomas tom tommy
edward ed eddie ted teddy ned
charles charlie chuck
margaret peggy maggie meg marge
elizabeth liz lizzie beth betty betsy eliza
katherine kate katie kathy cathy kitty
andrew andy drew
anthony tony
benjamin ben benny benji
daniel dan danny
david dave davey
donald don donny
frederick fred freddie
gregory greg
jeffrey jeff
jennifer jen jenny jenn
jessica jess jessie
jonathan jon
joshua josh
kenneth ken kenny
lawrence larry
leonard len lenny
matthew matt
nathaniel nate nathan
nicholas nick nicky
patricia patty trish tricia
patrick paddy
peter pete
philip phil
raymond ray
rebecca becky becca
ronald ron ronnie
samuel sam sammy
stephen steve stevie
steven steve
susan sue susie
theodore theo
timothy tim timmy
victoria vicky vicki tori
vincent vince
walter walt wally
zachary zach zack
dorothy dot dottie dolly
deborah deb debbie
barbara barb babs
christopher chris kit
alexander alex sasha
aleksandr sasha
dmitri dima mitya
vladimir vova volodya
mikhail misha
nikolai kolya
ivan vanya
ekaterina katya
anastasia nastya
natalia natasha
tatiana tanya
maria masha
francisco paco pancho
jose pepe
ignacio nacho
guadalupe lupe
giuseppe beppe
giovanni gianni
johannes hans
"""


def _first_of(lines: str) -> dict[str, str]:
    spelt: dict[str, str] = {}
    for line in lines.strip().splitlines():
        names = line.split()
        for name in names:
            spelt.setdefault(name, names[0])
    return spelt


ONE_NAME = _first_of(_SPELT)
"""The first spelling of a name by any of its spellings."""

ALIKE_NAME = _first_of(_ALIKE)
"""The same of names that two persons may well have: used only beside something else that is said."""

FORMAL = {short: formal for short, formal in _first_of(_SHORT).items() if short != formal}
"""The name that a short form stands for."""

_USUAL = """
adam agnes aisha albert alice amara amina amit ana anders andrea angela anita anna antonio arjun arthur
asha astrid beatriz bianca bjorn boris brian bruno camila carla carlos carmen chiara chinedu chloe clara
claudia clemens dan diana diego dieter eduardo elif emeka emily emma enrique eva fabio felipe fernando
fiona florence francesca frank gabriel george gerald gloria grace greta gustav hans harold harry hassan
heather heidi helen helena henrik henry hiroshi ingrid irene isabel isabella ivan jack jacob jan jane
javier jean jorge jose joseph juan julie jurgen kate keiko kevin klaus kofi kwame lars laura lena
leonardo linda lisa liu lucia luigi luis luisa magda manuel marco marie mario marta martin mary mateo mei
miguel miriam monica nadia nancy nina ngozi noah olga olivia oscar otto pablo paolo paul pavel pedro
petra pierre priya rachel rafael rahul rajesh ricardo roberto rosa rosario ruth ryan salma sandra
santiago sean sergio silvia simon sofia stefan sunita susana sven takashi tatiana thomas tobias ulrich
ursula valentina vera veronica vijay viktor walter wanjiru wei william xavier yasmin yuki zoe
"""
GIVEN = frozenset({*ONE_NAME, *ALIKE_NAME, *FORMAL, *FORMAL.values(), *_USUAL.split()}) - words(
    "will may mark art bill rob drew dot chang park kim lee jack ray sue pat said ali gang pete chuck"
)
"""Words with which a person's name in prose often begins, and seldom anything else."""
