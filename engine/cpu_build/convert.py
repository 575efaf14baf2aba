"""Turn a GGUF file of the Llama family into a folder that vLLM and transformers load.

Run as a script by the engine environment's interpreter, which has gguf, numpy, torch and safetensors:

    python -I convert.py MODEL.gguf FOLDER

So this file imports nothing of wattrace, and the libraries only inside the functions that need them: its
plain parts are tested without them. Weights are dequantised to float32 and stored as bfloat16; tokenizer,
configuration and chat template come from the file's own metadata.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib import import_module  # for what only the engine environment has
from pathlib import Path
from typing import Any

Metadata = dict[str, Any]

CONTROL_TOKEN = 3  # GGUF's token type for <|im_start|> and its like: never split, never shown

LAYER_TENSORS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OTHER_TENSORS = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


class ConversionError(Exception):
    """The GGUF file holds something that this converter does not know.

    Attributes: what (what was found), expected (what it can convert).
    """

    def __init__(self, what: str, expected: str) -> None:
        super().__init__(what, expected)
        self.what = what
        self.expected = expected

    def __str__(self) -> str:
        return f"cannot convert this GGUF file: {self.what}; expected {self.expected}"


def tensor_name(gguf_name: str) -> str:
    """The transformers name of a GGUF tensor: `blk.0.attn_q.weight` to
    `model.layers.0.self_attn.q_proj.weight`.

    Raises ConversionError for a tensor outside the Llama layout.
    """
    match gguf_name.split("."):
        case ["blk", layer, part, "weight"] if layer.isdigit() and part in LAYER_TENSORS:
            return f"model.layers.{layer}.{LAYER_TENSORS[part]}.weight"
        case [part, "weight"] if part in OTHER_TENSORS:
            return f"{OTHER_TENSORS[part]}.weight"
    raise ConversionError(what=f"tensor {gguf_name!r}", expected="the tensors of a Llama model without biases")


def model_config(metadata: Metadata, tied: bool) -> dict[str, Any]:
    """`config.json` for LlamaForCausalLM; `tied` says that the output layer is the embedding, read the other
    way.

    Raises ConversionError for another architecture.
    """
    if metadata["general.architecture"] != "llama":
        raise ConversionError(what=f"architecture {metadata['general.architecture']!r}", expected="'llama'")
    heads = metadata["llama.attention.head_count"]
    # A float32 in the file: 1e-05 reads as 9.999999747378752e-06, and the model was trained with the former.
    epsilon = float(f"{metadata['llama.attention.layer_norm_rms_epsilon']:.6g}")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "bfloat16",
        "vocab_size": len(metadata["tokenizer.ggml.tokens"]),
        "hidden_size": metadata["llama.embedding_length"],
        "intermediate_size": metadata["llama.feed_forward_length"],
        "num_hidden_layers": metadata["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": metadata["llama.attention.head_count_kv"],
        "head_dim": metadata["llama.embedding_length"] // heads,
        "hidden_act": "silu",
        "max_position_embeddings": metadata["llama.context_length"],
        "rms_norm_eps": epsilon,
        "rope_theta": metadata["llama.rope.freq_base"],
        "rope_parameters": {"rope_type": "default", "rope_theta": metadata["llama.rope.freq_base"]},
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": tied,
        **special_ids(metadata),
    }


def special_ids(metadata: Metadata) -> dict[str, int]:
    """The ids of the tokens that begin, end and pad a text, under the names that transformers uses."""
    return {
        "bos_token_id": metadata["tokenizer.ggml.bos_token_id"],
        "eos_token_id": metadata["tokenizer.ggml.eos_token_id"],
        "pad_token_id": metadata["tokenizer.ggml.padding_token_id"],
    }


def tokenizer_file(tokens: Sequence[str], types: Sequence[int], merges: Sequence[str]) -> dict[str, Any]:
    """`tokenizer.json`: byte-level BPE whose digits stand alone (GGUF calls that splitting `smollm`)."""
    added = [
        {"id": number, "content": tokens[number], "special": True}
        | {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
        for number, kind in enumerate(types)
        if kind == CONTROL_TOKEN
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    digits = {"type": "Digits", "individual_digits": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in merges],
        },
    }


def text_files(metadata: Metadata, tied: bool) -> dict[str, Any]:
    """Every file of the model folder but the weights: name to JSON value, or to text for the chat template.

    Raises ConversionError for a tokenizer of another kind.
    """
    kind = (metadata["tokenizer.ggml.model"], metadata["tokenizer.ggml.pre"])
    if kind != ("gpt2", "smollm"):
        raise ConversionError(what=f"tokenizer {kind}", expected="('gpt2', 'smollm')")
    tokens: list[str] = metadata["tokenizer.ggml.tokens"]
    ids = special_ids(metadata)
    return {
        "config.json": model_config(metadata, tied),
        "generation_config.json": ids,
        "tokenizer.json": tokenizer_file(
            tokens, metadata["tokenizer.ggml.token_type"], metadata["tokenizer.ggml.merges"]
        ),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": metadata["llama.context_length"],
            "clean_up_tokenization_spaces": False,
            "bos_token": tokens[ids["bos_token_id"]],
            "eos_token": tokens[ids["eos_token_id"]],
            "pad_token": tokens[ids["pad_token_id"]],
            "unk_token": tokens[metadata["tokenizer.ggml.unknown_token_id"]],
        },
        "chat_template.jinja": metadata["tokenizer.chat_template"],
    }


def rotation_order(rows: int, heads: int) -> list[int]:
    """Where the rows of a query or key matrix come from, in the order in which transformers rotates them.

    GGUF keeps the two rows of a rotated pair side by side; transformers keeps the first rows of all pairs of
    a head, then the second ones.
    """
    size = rows // heads
    return [head * size + row for head in range(heads) for side in (0, 1) for row in range(side, size, 2)]


def weights(tensors: Sequence[Any], metadata: Metadata) -> dict[str, Any]:
    """The model's weights by transformers name: torch tensors in bfloat16, rows first."""
    gguf, torch = import_module("gguf"), import_module("torch")

    heads = {
        "attn_q": metadata["llama.attention.head_count"],
        "attn_k": metadata["llama.attention.head_count_kv"],
    }
    result = {}
    for tensor in tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        part = tensor.name.split(".")[-2]
        if part in heads:
            values = values[rotation_order(len(values), heads[part])]
        result[tensor_name(tensor.name)] = torch.from_numpy(values.copy()).to(torch.bfloat16)
    return result


def convert(source: Path, folder: Path) -> None:
    """Write the model in `source` into the existing `folder`."""
    gguf, safetensors = import_module("gguf"), import_module("safetensors.torch")

    reader = gguf.GGUFReader(source)
    metadata: Metadata = {name: field.contents() for name, field in reader.fields.items()}
    tied = all(tensor.name != "output.weight" for tensor in reader.tensors)
    for name, content in text_files(metadata, tied).items():
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1)
        (folder / name).write_text(text, encoding="utf-8")
    target = folder / "model.safetensors"
    safetensors.save_file(weights(reader.tensors, metadata), target, metadata={"format": "pt"})
    target.chmod(0o644)  # it is written for its owner only, unlike its neighbours


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
