"""The forms of words by which a sentence says something of somebody, and those by which it does not."
" Folded text."""

import re

ASSIGNING = re.compile(
    r"[—–:(→=]|->|- |(?<=')s (?=a |an |not |likely |probably |clearly )|скорее всего|على الأرجح|可能|属于"
    r"|[是信患]"
)
"""Marks and words apart from the verbs of `words/verb.txt`."""
BESIDE = re.compile(
    r"[\"'”’»)\]]*(?: ?\([^()]{0,40}\))?\s*(?:[:–—(=→|/\[]|->|=>|- |, (?:aged? )?(?:\d{1,3}, ?)?"
    r"|\.{3}|$)\W{0,4}"
)
STEP = re.compile(
    r"(?:\W|\d|\b(?:yes|no|ja|nein|oui|si|sim|eher|rather|more|a|an|the|also|so|very|quite|simply"
    r"|clearly|obviously|probably|likely|perhaps|maybe|possibly|surely"
    r"|certainly|def|definitely|deeply|old|young|practi[sc]ing|observant|strict|devout|former|ex|paid"
    r"|mild|moderate|severe"
    r"|chronic|early|strongly|strong|tagged?|labels?|labell?ed|persona|segment|not|never|no|ein|eine"
    r"|nicht|auch|fur|as|under|to|for|on"
    r"|wohl|vermutlich|wahrscheinlich|une?|probablement|non|uno|una|um|uma|een|geen|mogelijk|ise|da"
    r"|de)\b){0,9}\Z",
    re.IGNORECASE,
)
BODY = re.compile(
    r"[\s_-]*(?:'s )?(?:school|schools|church|churches|party|parties|council|councils|museum|group"
    r"|groups|studies|history|histories|ward|wards|association"
    r"|associations|congress|hospital|clinic|clinics|centre|center|policy|policies|survey|research"
    r"|team|law|laws|bill|movement|literature|festival"
    r"|society|societies|press|newspaper|newspapers|cuisine|restaurant|language|music|art|arts"
    r"|calendar|community|communities|district|districts|rate|rates"
    r"|share|shares|vote|votes|voters|respondents|people|women|men|workers|employees|youth|population"
    r"|populations|majority|minority|minorities|parish|parishes|families"
    r"|households|cemetery|cemeteries|quarter|theology|philosophy|architecture|tradition|traditions"
    r"|thought|doctrine|patients|awareness|prevention|care|screening|treatment"
    r"|drug|drugs|test|tests|testing|trial|trials|scale|index|risk|prevalence|incidence|mortality"
    r"|charity|foundation|union|unions|conference|republic|government|empire|state|states"
    r"|bloc|front|league|manifesto|programme|program|platform|leader|candidate|candidates|mp|mps"
    r"|minister|senator|politician|politicians|press|paper|papers|book|books|textbook|novel|poetry"
    r"|food|tea|cooking|band|choir|songs|dance|hill|street|road|square|lane|house|building|section"
    r"|area|region|belt|nurse|specialist|consultant|doctor|research|researcher|machine|machines"
    r"|transistor|transistors|ticket|affairs|liaison|office|room|service|services|contract|agreement"
    r"|negotiations|talks|law|rights|regulation|month|week|day|holiday|holidays|leaders|organisations"
    r"|organizations"
    r"|strategy|campaign|donor base|data|statistics|figures|report|department|unit|lecture|course"
    r"|class|classes|lessons|teacher|teachers|scholar|professor|college|university|academy|order of"
    r"|mission school|arms|light|wine|tiles|roof|medication|medicine|inhalers?|vaccine|app|startup"
    r"|company|patent|think tank|preacher|quarter|historian|ministry|journal|liaison)\b",
    re.IGNORECASE,
)
TILL = re.compile(
    r"[\s-]*(?:church|party|union|council|clinic|group|school)[\s-]+(?:member|goer|attendee|regular"
    r"|voter|supporter|donor)",
    re.IGNORECASE,
)
ABOUT = re.compile(
    r"\b(?:about|regarding|concerning|uber|sur|sobre|versus|against (?:the )?|between|among|across"
    r"|(?:book|study|paper|talk|lecture|course|thesis|article"
    r"|report|textbook|data|research|seminar|exhibition|film|survey|essay|chapter|reports|work"
    r"|question|questions|training) (?:on|of|in|for))"
    r"(?: [\w-]+){0,1} ?\Z",
    re.IGNORECASE,
)
NO_CLAIM = re.compile(
    r"\b(?:whether|suppose|imagine|if|unless|nobody|must not|may not|should not|can ?not|can't|won't"
    r"|will not|would not (?:guess|say)|don't know"
    r"|do not know|wenn|ob|falls|si|se|als iemand|rule|rules|may use|hypothetical|each of|every|any)\b",
    re.IGNORECASE,
)
GENERIC = re.compile(
    r"\b(?:if|when|whether|who|usually|often|typically|generally|must|may|might|shall|should|can"
    r"|could|cannot|each|every|any|where|unless|would|will|novel|character|chapter|tale|film|story"
    r"|wenn|muss|kann|soll|darf|si|quand|doit|peut|cuando|debe|puede)\b",
    re.IGNORECASE,
)
OPEN = re.compile(
    r"\W*(?:whether|suppose|imagine|i (?:can ?not|can't|will not|won't|would not|do not|don't)"
    r"|nothing|nobody|je ne peux|ich kann (?:das )?nicht|no puedo)\b",
    re.IGNORECASE,
)
"""What begins so assigns nothing."""
PAST = re.compile(
    r"\b1[0-8]\d\d\b|\b19[0-3]\d\b|\bcentur|\bjahrhundert|\bsiecle|\bsiglo|\bsecolo|\bin (?:the|this"
    r"|his|her|my) (?:novel|play|film|series|book|story|game|opera|comic)|\(\d{4}\)|\bvol\.|\bed\.,"
    r"|\bpp?\. ?\d|\bet al",
    re.IGNORECASE,
)
CLAIM = re.compile(
    r"\b(?:attend(?:s|ed|ing)?|visit(?:s|ed)?|worships?|prays?|go(?:es|ing)? to|went to|been to"
    r"|donat(?:es|ed|ing)|gave|gives|belongs|members?(?:hip)?|weekly|regular(?:ly)?|often"
    r"|every (?:week|friday|sunday|saturday|month|day)|each (?:week|friday|sunday|month)|(?:fri|sun"
    r"|satur)days?|seen (?:in|at|near)|twice|times|marched|joined|sings in|collects for|volunteers?"
    r"|signs|signed|reads|receipts|spotted|took part|participat\w+"
    r"|subscribes?|votes? for|voted for|supporter of|campaigned|is in the|besucht|regelmaßig"
    r"|geht (?:in|zur)|spendet|frequente|va a|asiste|acude|frequenta|bezoekt|gaat naar|chodzi do"
    r"|stops?|gidiyor|giden)\b"
    r"|посещает|ходит|يذهب|يصلي|يتردد|经常|每周|去",
    re.IGNORECASE,
)
LANGUAGE = re.compile(
    r"\b(?:languages?|speaks?|spoken|fluent|translat\w+|interpreter|sprach\w*|spricht|langues?|parle"
    r"|idiomas?|habla|lingu[ae]|parla|dialect|grammar|teaches|courses?|cuisine|cooking|food"
    r"|restaurant|passport|visa|embassy|flight|trip|market)\b",
    re.IGNORECASE,
)
ORIGIN = re.compile(
    r"\b(?:origins?|descent|heritage|ancest\w+|roots?|ethnic\w*|extraction|background|born|stammig"
    r"|wurzeln|herkunft|origine|origen|ascendencia|afkomst|kokenli|pochodzeni\w+|race|tribe|blood"
    r"|looks?|family from|community)\b",
    re.IGNORECASE,
)
IN_SOMETHING = re.compile(r" (?:in|at|among|between) (?:the )?[^\W\d]\w*\W*\Z")
"""Behind a subject: `depression in the workplace`."""
SURNAME_ENDS = re.compile(r"[\"')]?(?:[,;:.)\n–—-]|\Z| [-–—=])|['’]")
"""A word with a capital right behind a given name is a surname, unless the clause ends there."""
OF_HIS = frozenset({"'s ", "’s ", "' ", "’ "})
QUALITY = re.compile(
    r" (?:diagnos|condition|faith|religion|disease|illness|identity|orientation|belief|affiliation"
    r"|membership|roots|origin|heritage|background|leaning|view|sympath)",
    re.IGNORECASE,
)
WORKS_ON = re.compile(
    r"\b(?:works? (?:with|for|on|in)|treats|research\w*|studie[sd]|writes (?:about|on|for)"
    r"|wrote (?:about|on|a)|report(?:s|ed) on|teaches|taught|experts?|speciali\w+|photograph\w*"
    r"|interview\w*"
    r"|film|films|counsel\w*|cares for|looks after|helps|lectur\w*|advis\w+|defends|represents"
    r"|investigat\w+|investiga|covers|ask(?:s|ed) (?:whether|if|the|for|her|him|about)|said|says"
    r"|argue[sd]|degree|diploma|chairs?|runs|manages"
    r"|repair\w*|install\w*|deliver\w*|published?|reviewed|translated|edited|sells|designs?|draws"
    r"|painted|arbeitet|schreibt|leitet|forscht|dirige|studia|lavora|insegna|ensena|etudie|enseigne"
    r"|werkt)\b",
    re.IGNORECASE,
)
ON = re.compile(r"\bon (?:the )?\Z")
WAS_AT = re.compile(r"\b(?:was|is|been|seen|stayed|located|logged) (?:in|at|near|inside)\b", re.IGNORECASE)
NUMBER_OF = re.compile(r" (?:[2-9]|[1-9]\d{1,6})\b(?![/.,]\d| ?%| [a-z])")
CLOSED = re.compile(r"[\"'”]?\),")
"""What stood in brackets is no subject of what follows them."""
MARK = re.compile(r"[:(=→]|->| [–—] ")
JOINED = re.compile(
    r"[\s-]*(?:church|churches|parish|party|union|group|association|alliance|movement|congregation"
    r"|charity|fund|foundation|campaign|newspaper|paper|magazine|bloc|league|society|community|choir"
    r"|club|rally|march)\b",
    re.IGNORECASE,
)
"""Bodies that tell something of whoever belongs to them, gives to them or goes there."""
WHEN = re.compile(r" (?:each|every|on) (?:week|sunday|friday|saturday|month)", re.IGNORECASE)
SURE = re.compile(r"\(\d{1,3} ?%\)")
"""How sure a guess is, and not how many."""
NO_SUBJECT = re.compile(r"\W{0,4}([A-Za-z]+)\b(?! (?:i|you|we|they|the \w+ (?:is|are|was))\b)")
"""A sentence whose subject stands in the one before."""
IN_UNION = re.compile(
    r"\b(?:members?|belongs?|joined|stewards?|reps?|delegates?|dues|activists?|organisers?) (?:of|to"
    r"|in|for)?\b.{0,30}\Z",
    re.IGNORECASE,
)
SCORED = re.compile(
    r" (?:score|probability|likelihood|index|confidence|rating)\b[:= ]{1,3}[\d.]{1,5}(?! ?(?:point"
    r"|mean))",
    re.IGNORECASE,
)
SET_BESIDE = re.compile(r"[\"')\]]*(?:\([^()]{0,40}\))?\s*(?:[:–—(=→|,\[]|->|- )[\s\"'(]{0,4}")
UNKNOWN = re.compile(
    r"(?:\A[\W\d]{0,6}|[,;.:(|\n] |\bsay )(?P<who>[A-Z][\w'’-]{2,24})"
    r"(?: ?[:=→(] ?| -> | [–—-] | (?:is|seems(?: to be)?) (?P<article>an? )(?:\w+ )?)"
)
SMALL_KEY = re.compile(r"(?:\A|[;,:{] ?)[\"']?([a-z][a-z0-9]{3,15})[\"']? ?= ?[\"']?")
PLACES = re.compile(
    r"\b(?:towns?|cit(?:y|ies)|villages?|regions?|districts?|wards?|count(?:y|ies|ry|ries)|provinces?"
    r"|part(?:y|ies)|papers?|states?|islands?|religions?|glossary|countries)\b",
    re.IGNORECASE,
)
OF_SOMETHING = re.compile(r" [a-z]{3,}")
OF_SOMEBODY = re.compile(
    r" (?:and|but|with|since|who|because|according|from|too|also|like|not|when|judging|given|based"
    r"|for|the|our|his|her|voter|supporter|donor|member|man|woman|girl|boy|person|family|believer"
    r"|convert|couple|diagnos\w+|condition|identity|orientation"
    r"|guy|background|leanings?|views?|politics|opinions|values|according|nor|yet|though|although"
    r"|after|as|by|christian|jew|jewish|muslim|catholic|enough|now|since|jusqu\w*|und|aber|oder|laut"
    r"|et|mais|pero|segun|ma|mas)\b"
)
"""What may follow a quality that a person has; any other word is what has it."""
WRITER = frozenset({"by", "et", "see", "par", "por"})
AT_WORK = re.compile(
    r"\b(?:led|written|edited|directed|run|headed|chaired|conducted|presented|treated"
    r"|organi[sz]ed) by\b|\b(?:speakers?|talks?|authors?|moderators?|lectures?|wards?)\b.{0,12}:"
    r"|\bon call\b|\bpresent(?:s|ed) (?:a|the)\b",
    re.IGNORECASE,
)
"""What begins so names people for what they work on."""
AUTHOR = frozenset(
    {"by", "in", "of", "from", "at", "near", "et", "see", "and", "&", "von", "par", "por", "di"}
)
MOSTLY = re.compile(
    r"\b(?:mostly|predominantly|largely|mainly|traditionally|majority|overwhelmingly|uberwiegend)\b",
    re.IGNORECASE,
)
