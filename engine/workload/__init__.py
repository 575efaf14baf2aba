"""What the clients ask: the sets of prompts, and the seeded order in which every arm gets them. Pure."""

from engine.workload.prompts import PromptOrder, PromptSet, prompts_hash, sent_text
from engine.workload.stage import LONGEST_PROMPT, STAGE

__all__ = ["LONGEST_PROMPT", "STAGE", "PromptOrder", "PromptSet", "prompts_hash", "sent_text"]
