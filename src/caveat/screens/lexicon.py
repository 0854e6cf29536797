"""Words that say what the columns of a table hold, and words that are no part of a name of a person.

What assigns a sensitive attribute stands in `words/*.txt`. A list is never whole.
"""

from caveat.screens.terms import fold


def _words(text: str) -> frozenset[str]:
    """The words between spaces, folded."""
    return frozenset(fold(text).split())


TOPICS = _words(
    """
    belief condition confession denomination diagnose diagnosis disability disease ethnic_origin
    ethnicity ethnie faith health health_condition ideology illness konfession krankheit leaning
    orientation party_preference political political_leaning political_view politics politik
    pregnancy pregnant race religion religione religión sexual_orientation sexuality union
    union_member union_membership vote votes voting вероисповедание диагноз национальность 宗教 民族
    """
)
"""Heads of columns that say what they hold; most do not, and values decide."""
PERSON_HEADS = _words(
    """
    account ad applicant attendee badge caller candidate_id colleague contact delegate device donor
    driver emp emp_no
    employee_no guest juror nurse owner participant respondent_e-mail sender speaker staff student
    subscriber tenant
    testimone vecino who whom whose voter_name kunde mieter nutzer schuler bewerber usuario cliente
    utilisateur salarie
    account_id apellido bürger citizen citizen_id cognome customer e-mail email empleado employee
    employee_id employé first_name firstname full_name fullname handle id individual last_name
    lastname mail member member_id mitarbeiter mobile nachname name names national_id nom nombre
    nome passport patient person person_id persona personne persons pessoa phone plate prénom
    resident resident_id soyad ssn subject subject_id surname user user_id username vorname voter
    имя сотрудник фамилия фио اسم الاسم 名字 姓名 员工 用户 客户 адресат клиент студент العميل الموظف
    """
)
GROUP_HEADS = _words(
    """
    age age_band age_group answer author bundesland candidate category city coefficient cohort
    constituency country county denomination district education group income incumbent institution
    item journal kreis land model municipality newspaper ort outlet paese party pays país precinct
    province provincia question region regione response région source state stratum study
    university variable wave year
    """
)
COUNT_HEADS = _words(
    """
    anteil anzahl count counts effectif frequency mean median n nombre_de número p part pct percent
    percentage percentuale porcentaje proportion prozent quota rate respondents sd se seats share
    total votes weighted
    """
)
NOT_NAMES = _words(
    """
    abstract alliance alternative analysis archive association assessment base bible bloc board canteen
    cathedral cell chair
    chart civic coalition code community conference confidential constitution convention day democrat draft
    economic evening federation festival field foundation freedom front general global guild health history
    international journal justice key language law league liberal library list local media medical
    method minutes
    morning movement museum network news night office order organisation organization patients policy
    poll press
    programme project public radio red reference regional report results revolution sample school score
    service
    society socialist station statistics street strike subject subjects summary synod team test total
    trade trust
    union unions unit value war week welfare winter women workers world youth
    st hospital ward clinic model table row group class cluster type topic legend key code name employee
    a according age all american among an april association august average between british catholic
    catholics central chapter christian christians church city college committee congress
    conservatives council county court december democratic democrats department district east el
    european february federal figure for french friday from german government great green greens
    group high hindu house in institute island islands january jewish jews july june kingdom labour
    lake las left liberals los low lower many march may ministry model monday most mount muslim
    muslims national new north november october of office parliament part party people persons
    political politics protestants province question region religion religious republic republicans
    respondents rhine right river rural saint san santa saturday school section senate september
    social some south state study sunday survey table the these this those thursday total tuesday
    union united university upper urban valley voters wednesday west with
    """
)
QUALITIES = _words(
    """
    liberal conservative progressive orthodox secular straight radical reformed charismatic blind deaf
    bipolar populist devout pious republican democrat catholic healthy sick moderate reactionary
    christian patriot fit queer black obese depressed paralysed
    """
)
"""What persons are, and many other things: it says something of a person only where nothing follows."""
OF_ANYTHING = _words(
    """
    white black red blue green left right center centre independent neutral moderate radical native
    foreign mixed reform member organised organized conservative zen lib con dem rep bi poly ace cis
    trans normal healthy
    """
)
"""Weak words that tell nothing of persons if no other word of their kind stands beside them."""
NO_CODE = _words(
    """
    the is to of in on for and or as by name e-mail email id user no yes note
    """
)
"""What stands before an explanation and is no code."""
OFFICES = _words(
    """
    president minister senator deputy mp mps mep mayor governor chancellor candidate candidates leader bishop
    pope rabbi imam councillor ambassador secretary abgeordnete abgeordneter burgermeister burgermeisterin
    diputado diputada congressman congresswoman representative king queen prince princess emperor cardinal
    archbishop priest saint prophet premier ministro ministra senador senadora depute deputee ministre maire
    alcalde sindaco prasident prasidentin kanzler kanzlerin
    """
)
"""Without one of these, in ASCII, `OFFICE` finds nothing."""
CLAIMING = _words(
    """
    attend attends attended attending
    visits visited worship worships pray prays go goes going went been
    donates donated donating gave gives belongs member members membership weekly regular regularly often every
    each friday fridays sunday sundays saturday saturdays days seen twice times marched joined sings collects
    volunteer volunteers sign signs signed reads receipts spotted took participate participates participated
    participating participation subscribe subscribes votes voted supporter campaigned is was besucht geht
    spendet frequente va asiste acude frequenta bezoekt gaat chodzi stop stops gidiyor giden vote
    logged stayed
    located
    """
)
"""Without one of these, in ASCII, no proxy is claimed of anybody."""
