"""What a column of a table, or a member of a JSON object, says of persons: by its name alone. Pure."""

import re
from dataclasses import dataclass
from functools import lru_cache

from caveat.screens.identifiers.found import Kind
from caveat.screens.identifiers.plain import looks_like, visible
from caveat.screens.identifiers.vocabulary import by_word, words

MAX_COLUMN_CHARS = 128
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Column:
    """What a name says.

    `kind`: of the identifiers in the column. `part`: `given` or `family` of a name in several columns,
    `born`, `time`, `lat`, `lon`. `role`: whom it is about, where it is not the person of the row.
    `attribute`: what it says of the person, in the canonical name. `loose`: named `name`, as things are too.
    """

    kind: Kind | None = None
    part: str = ""
    role: str = ""
    attribute: str | None = None
    loose: bool = False


# Whole names, pieces joined by nothing: `E-mail_Address` is `emailaddress`.
_KINDS = {
    looks_like(word): Kind(kind)
    for word, kind in by_word(
        {
            "name": "fullname personname legalname displayname patientname customername clientname "
            "citizenname membername employeename applicantname subjectname suspectname holdername votername "
            "studentname ownername username accountholder cardholder nombre nombrecompleto nom nomcomplet "
            "vollername person individual patient surnamegivenname фио 姓名 氏名 名前 성명 이름 الاسم اسم",
            "email": "email emailaddress mail mailaddress emails correo correoelectronico courriel epost",
            "phone": "phone phonenumber telephone telephonenumber tel mobile mobilenumber mobilephone cell "
            "cellphone cellnumber msisdn homephone workphone telefono telefon handy fax phones",
            "national_id": "ssn socialsecuritynumber socialsecurity nationalid nationalidnumber nin nino "
            "passport passportnumber passportno taxid tin itin dni nie curp cpf pesel bsn personnummer "
            "codicefiscale steuerid aadhaar driverslicense licensenumber nhsnumber driverlicense "
            "drivinglicence mrn medicalrecordnumber",
            "iban": "iban ibannumber",
            "card": "card cardnumber creditcard creditcardnumber pan debitcard",
            "account": "account accountnumber accountno accountid bankaccount kontonummer",
            "plate": "plate licenseplate licenceplate platenumber numberplate registrationplate kennzeichen",
            "advertising_id": "idfa gaid aaid maid maids adid advertisingid advertiserid ifa idfv "
            "adidentifier",
            "device_id": "device deviceid deviceidentifier androidid udid imsi iccid cookieid cookie",
            "imei": "imei imeinumber",
            "mac": "mac macaddress wifimac bluetoothmac",
            "ip": "ip ipaddress ipv4 ipv6 clientip sourceip remoteip",
            "position": "coordinates coords latlon latlng latlong position geo gps gpsposition geohash "
            "pluscode",
        }
    ).items()
}
_PARTS = {
    looks_like(word): part
    for word, part in by_word(
        {
            "given": "firstname givenname forename first given fname prenom vorname имя",
            "family": "lastname surname familyname last family lname apellido apellidos nachname cognome "
            "фамилия",
            "born": "dob dateofbirth birthdate birthday born birth geburtsdatum fechanacimiento",
            "lat": "lat latitude gpslat gpslatitude",
            "lon": "lon lng long longitude gpslon gpslng gpslongitude",
            "time": "time timestamp ts datetime date seen seenat at when day lastseen eventtime observedat "
            "recordedat visitedat visited",
        }
    ).items()
}
# What `first` and `last` are parts of a name behind: `customer.name.first`.
_PEOPLE = words(
    "name person patient customer client citizen member employee applicant subject suspect holder voter "
    "student owner user contact passenger guest tenant resident"
)
_ROLES = words(
    "sender recipient from to caller callee mother father parent spouse wife husband partner child guardian "
    "emergency doctor physician gp nurse caseworker officer agent analyst author manager supervisor assignee "
    "reviewer witness victim employer creator requester requestor reporter clerk teller"
)
_STAFF = words("by assigned created updated modified requested reviewed approved")
# Canonical names of what is said of a person, by the pieces of a column's name that say it.
_ATTRIBUTES = by_word(
    {
        "health_condition": "health condition diagnosis diagnoses illness disease icd medication treatment "
        "allergy allergies symptom symptoms medical hiv therapy prescription prescriptions",
        "disability": "disability disabled impairment",
        "pregnancy": "pregnancy pregnant",
        "genetic": "genome genomic genetic dna genotype",
        "biometric": "fingerprint biometric faceprint iris voiceprint faceid",
        "religion": "religion religious faith denomination church mosque confession creed worship",
        "political_view": "political politics party ideology vote voting affiliation partisan leaning",
        "union_membership": "union",
        "orientation": "orientation sexuality lgbt lgbtq gay",
        "ethnicity": "ethnicity ethnic race tribe",
        "immigration": "immigration visa citizenship nationality asylum",
        "criminal_record": "criminal conviction convictions arrest arrests offence offences offense offenses",
        "location_history": "location locations visits trajectory places whereabouts track geofence",
        "home_area": "address street city town zip zipcode postcode postal home residence",
        "finance": "income salary wage balance debt credit loan transaction transactions payment payments "
        "spending spend wealth mortgage amount",
        "communications": "message messages call calls sms chat chats correspondence contacts subjectline",
        "browsing": "browsing url urls search searches website websites history",
        "app_usage": "app apps usage",
        "employment": "employer job occupation profession employment",
        "education": "education school university degree grade grades",
        "family": "children marital married family dependents",
        "gender": "gender sex",
        "age_band": "age",
        "role": "role title",
        "skills": "skills skill",
        "tenure": "tenure",
        "region": "region state province county country",
        "risk_score": "risk score rating threat",
    }
)

SENSITIVE = frozenset(
    {
        "health_condition", "disability", "pregnancy", "genetic", "biometric", "religion", "political_view",
        "union_membership", "orientation", "ethnicity", "immigration", "criminal_record",
    }
)  # fmt: skip
"""The attributes of which two joined about one person are a sensitive pair."""


@lru_cache(maxsize=8192)
def read_column(name: str) -> Column:
    """What a column says by its name."""
    pieces = tuple(looks_like(piece) for piece in _PIECES.findall(visible(name)[:MAX_COLUMN_CHARS]))
    if not pieces:
        return Column()
    role, rest = _role_of(pieces)
    whole = "".join(rest)
    if rest == ("name",):
        return Column(Kind.NAME, role=role, loose=not role)
    part = _PARTS.get(whole, "")
    kind = _KINDS.get(whole)
    if kind is None and not part and len(rest) > 1:
        # A word before says whose it is, or which: `home_email`, `patient_first_name`.
        part = _PARTS.get("".join(rest[-2:]), "")
        kind = None if part else _KINDS.get("".join(rest[-2:]), _tail_kind(rest))
    if kind is None and not part and len(rest) > 1 and rest[-2] in _PEOPLE:
        part = _PARTS.get(rest[-1], "") if rest[-1] in ("first", "last", "given", "family") else ""
    if part or kind is not None:
        about = "location_history" if kind is Kind.POSITION or part in ("lat", "lon") else None
        return Column(kind, part, role, about)
    return Column(role=role, attribute=_attribute(rest))


def _tail_kind(pieces: tuple[str, ...]) -> Kind | None:
    last = pieces[-1]
    return _KINDS[last] if last in _TAILS else None


_TAILS = words(
    "email mail phone telephone mobile cell ssn iban imei idfa gaid aaid maid adid passport msisdn"
)


def _role_of(pieces: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    if len(pieces) > 1 and pieces[0] in _ROLES:
        return pieces[0], pieces[1:]
    if len(pieces) > 1 and _STAFF.intersection(pieces):
        left = tuple(piece for piece in pieces if piece not in _STAFF)
        return "staff", left or ("name",)
    return "", pieces


def _attribute(pieces: tuple[str, ...]) -> str:
    for piece in pieces:
        said = _ATTRIBUTES.get(piece)
        if said is not None:
            return said
    return "_".join(pieces)[:64]
