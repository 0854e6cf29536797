"""The shape of any record: its member `kind` says which."""

from typing import Annotated, TypeAlias

from pydantic import Field, TypeAdapter

from caveat.ledger.shapes.decision import DecisionModel, OutputEndModel, PartsModel
from caveat.ledger.shapes.law import BundleModel, RevocationsModel, TermsModel, TrustModel, UploadModel
from caveat.ledger.shapes.oversight import DissentModel, HaltModel, PlantedModel, ReviewModel
from caveat.ledger.shapes.running import (
    AssayModel,
    HeartbeatModel,
    KeyModel,
    PathsModel,
    RoutesModel,
    StartModel,
    StoppedModel,
)
from caveat.ledger.shapes.sampling import (
    FindingModel,
    IncidentModel,
    PlantedSampleModel,
    SampleModel,
    SamplingModel,
)

RecordModel: TypeAlias = Annotated[
    DecisionModel
    | PartsModel
    | StartModel
    | BundleModel
    | RoutesModel
    | TrustModel
    | RevocationsModel
    | UploadModel
    | OutputEndModel
    | TermsModel
    | ReviewModel
    | AssayModel
    | HaltModel
    | DissentModel
    | PlantedModel
    | PlantedSampleModel
    | SamplingModel
    | SampleModel
    | FindingModel
    | IncidentModel
    | PathsModel
    | HeartbeatModel
    | KeyModel
    | StoppedModel,
    Field(discriminator="kind"),
]
RECORD: TypeAdapter[RecordModel] = TypeAdapter(RecordModel)
