"""What all parts of a demo share: strict models and common field types."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class Strict(BaseModel):
    """Unknown keys are errors; a validated demo does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
