"""Words that assign a sensitive attribute, in several languages, and words of persons and groups in tables.

A list is never whole: what is said in other words is not found, and finding nothing proves nothing. Terms are
those of groups, views and conditions themselves, and of places and acts that stand for them (proxies).
"""

from collections.abc import Mapping
from types import MappingProxyType

PLACE = "place"
"""A proxy: it says something of a person only who goes there, belongs to it or gives to it."""


def _terms(text: str) -> tuple[str, ...]:
    """The terms between bars."""
    return tuple(term.strip() for term in text.split("|") if term.strip())


def _words(text: str) -> frozenset[str]:
    """The words between spaces."""
    return frozenset(text.split())


TERMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "political": _terms(
            """
            hard left | hard right | centre right | centre left | center right | center left | tory |
            tories | labour voter | tory voter | conservative voter | liberal voter | green supporter |
            votes green | vote green | lib dem | swing voter | party supporter | leftists | rightists |
            liberals among | fascist | fascists | populist right | populist left | zionist | feminist |
            pro life | pro choice | pro palestinian | pro israeli | pro russian | anti vaxxer |
            for the opposition | opposition rally | government rally | government voter |
            government supporter | for the greens | for the conservatives | for the communists |
            for the socialists | the socialists | christian democrats | nationalist parties |
            the far right | the left | communists | socialists | nationalists | anarchists | marxists |
            leans republican | leaning republican | leaning democrat | linke wähler | rechtsradikal |
            rechtsextremist | linksradikal | wählt links | wählt rechts | wählt vermutlich links |
            eher rechts | eher links | nationalist | wähler | wählerin | die grünen | kommunistin |
            sozialistin | de derechas | de izquierdas | la extrema derecha | la extrema izquierda |
            conservadora | nacionalista | liberal | anarquista | los verdes |
            left wing | right wing | left leaning | right leaning | leftist | rightist |
            votes left | votes right | liberal | conservative | socialist | communist | marxist |
            anarchist | libertarian | nationalist | far left | far right | centrist | progressive |
            democrat | republican | green voter | social democrat | christian democrat | monarchist |
            separatist | pro government | anti government | opposition supporter | opposition voter |
            government critic | party member | linksextrem | rechtsextrem | konservativ |
            sozialist | kommunist | sozialdemokrat | grünen wähler | socialiste |
            communiste | conservateur | extrême gauche | extrême droite |
            conservador | socialista | comunista | izquierdista | derechista |
            solcu | sağcı | левый | правый | коммунист | оппозиционер | либерал |
            консерватор | يساري | يميني | معارض | 左派 | 右派 | 保守派 | 自由派
            """
        ),
        "religion": _terms(
            """
            muslims | christians | jews | catholics | protestants | hindus | buddhists | sikhs |
            atheists | anglican | methodist | presbyterian | lutheran | pentecostal | quaker | quakers |
            orthodox | secular | unbeliever | unbelievers | believers | pastafarian |
            seventh day adventist | zoroastrian | muslimin | muslimisch | jude | jüdin |
            konfessionslos | zeuge jehovas | zeugin jehovas | strenggläubig | gläubig | buddhistisch |
            hinduistisch | orthodox | atheistin | musulmanes | católicos | judíos | ateo | atea |
            evangélico | evangélica | budista | testigo de jehová | sin religión | agnóstico |
            agnóstica | kosher meals | halal meals | eats halal | keeps kosher |
            muslim | islam | sunni | shia | shiite | christian | catholic | protestant |
            orthodox christian | evangelical | baptist | jewish | jew | judaism | hindu | hinduism |
            buddhist | buddhism | sikh | atheist | agnostic | mormon | jehovah s witness | bahai | alevi |
            practising believer | devout | muslima | moslem | christ | katholisch | evangelisch | jüdisch |
            atheistisch | musulman | musulmane | catholique | chrétien | protestante | juif | juive |
            musulmán | musulmana | católico | católica | judío | judía | cristiano | cattolico |
            musulmano | ebreo | muçulmano | judeu | müslüman | hristiyan | yahudi | мусульманин |
            мусульманка | православный | католик | еврей | иудей | مسلم | مسيحي | يهودي | شيعي | سني |
            穆斯林 | 基督徒 | 佛教徒 | 天主教徒
            """
        ),
        "health": _terms(
            """
            asthma | lupus | migraine | stroke survivor | stroke | arthritis | cancers | breast cancer |
            leukaemia | heart disease | heart condition | coronary disease | kidney disease |
            autoimmune disease | sickle cell | hypertension | obesity | infertility | anorexia |
            bulimia | psychosis | psychotic | panic attacks | panic disorder | anxiety | adhd |
            dyslexia | burnout | burn out | mental disorder | severe depression | mild depression |
            opioid dependence | dependence | alcohol addiction | drug user | insulin | methadone |
            lithium | chemotherapy | antiretrovirals | antidepressants | antipsychotics | on prep |
            miscarriage | miscarriages | abortion | menopause | therapy | psychiatrist | tuberculosis |
            syphilis | covid | schizophren | depressionen | angststörung | alkoholiker | alkoholikerin |
            brustkrebs | epilepsie | asthma | diabetikerin | behinderung | krank | keine erkrankung |
            esquizofrenia | depresión | ansiedad | cáncer | vih | vih positivo | alcohólico |
            epilepsia | asma | discapacidad | no embarazada | enfermo | enferma |
            hiv positive | hiv | aids | cancer | diabetes | diabetic | depression | depressed |
            depressive | bipolar | schizophrenia | schizophrenic | anxiety disorder | pregnant |
            pregnancy | epilepsy | epileptic | alcoholic | alcoholism | addiction | addict | dementia |
            alzheimer s | parkinson s | hepatitis | multiple sclerosis | autism | autistic | disabled |
            ptsd | eating disorder | chronic illness | mental illness | infertile | krebs | depressiv |
            schwanger | behindert | diabetiker | suchtkrank | séropositif | enceinte | dépressif |
            diabétique | embarazada | diabético | deprimido | incinta | grávida | hamile | беременна |
            диабет | депрессия | рак | حامل | السكري | 怀孕 | 糖尿病 | 抑郁症 | 癌症
            """
        ),
        "union": _terms(
            """
            union organiser | union organisers | union organizers | union members | union activists |
            union sympathiser | union sympathisers | trade unionists | union delegate |
            joined the union | for the union | the union | miners union | teachers union |
            workers union | trade union | member of a union | works council | against the strike |
            for the strike | pays dues | gewerkschaft | gewerkschaften | gewerkschaftlich |
            gewerkschaftsmitglieder | betriebsrat | sindicato | sindicatos | sindical |
            afiliada al sindicato | afiliado al sindicato | syndicat |
            union member | union activist | union organiser | union organizer | trade unionist |
            unionised | unionized | shop steward | pro union | gewerkschaftsmitglied | gewerkschafter |
            gewerkschafterin | syndiqué | syndiquée | syndicaliste | sindicalista | sindicalizado |
            sindacalista | sendikalı | член профсоюза | عضو نقابة | 工会会员
            """
        ),
        "orientation": _terms(
            """
            gays | lesbians | homosexuals | trans man | trans woman | transsexual | cisgender |
            non binary | nonbinary | pansexual | same sex partner | gay dating | homosexuelle |
            schwule | lesben | transgeschlechtlich | heterosexuell | homosexuales | gais | bisexuelle |
            gay | lesbian | homosexual | bisexual | queer | heterosexual | straight | asexual |
            transgender | lgbt | lgbtq | schwul | lesbisch | homosexuell | bisexuell | homosexuel |
            homosexuelle | lesbienne | lesbiana | omosessuale | eşcinsel | гей | лесбиянка | гомосексуал |
            مثلي | 同性恋
            """
        ),
        "ethnicity": _terms(
            """
            blacks | latinos | undocumented | undocumented immigrants | illegal immigrant |
            asylum seeker | inuit | maori | mapuche | turkish origin | arab origin |
            migrationshintergrund | ausländer | gitana |
            black | african american | hispanic | latino | latina | asian american | caucasian | roma |
            sinti | kurd | kurdish | arab | uyghur | uighur | han chinese | indigenous | native american |
            aboriginal | romani | berber | tatar | rohingya | hutu | tutsi | kurde | kurdisch | araber |
            gitan | arabe | gitano | kürt | курд | цыган | татарин | كردي | عربي | 维吾尔 | 汉族 | 藏族
            """
        ),
        PLACE: _terms(
            """
            mass | confession | prayers | prays five times | parish choir | mosque visitor |
            church visitor | fertility clinic | abortion clinic visit | dialysis clinic |
            psychiatric ward | gay bars | union office | mezquita | sinagoga | freitagsgebet |
            fasts in ramadan |
            mosque | church | synagogue | hindu temple | gurdwara | friday prayers | prayer group |
            bible study | ramadan | sunday mass | union hall | union meeting | union meetings |
            strike fund | gay bar | pride parade | pride march | hiv clinic | fertility clinic |
            oncology clinic | oncology ward | methadone clinic | abortion clinic | psychiatric clinic |
            dialysis | aa meetings | alcoholics anonymous | party rally | party rallies | protest march |
            protest marches | campaign rally | moschee | kirche | synagoge | gewerkschaftshaus | mosquée |
            église | mezquita | iglesia | moschea | chiesa | cami | мечеть | церковь | синагога | مسجد |
            كنيسة | 清真寺 | 教堂
            """
        ),
    }
)
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
    account ad apellido bürger citizen citizen_id cognome customer e-mail email empleado employee
    employee_id employé first_name firstname full_name fullname handle id individual last_name
    lastname mail member member_id mitarbeiter mobile nachname name names national_id nom nombre
    nome passport patient person person_id persona personne persons pessoa phone plate prénom
    resident resident_id soyad ssn subject subject_id surname user user_id username vorname voter
    имя сотрудник фамилия фио اسم الاسم 名字 姓名
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
