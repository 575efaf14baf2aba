"""The CPU engine's model: from the format it is packed in to the one that vLLM reads."""

from __future__ import annotations

import json

import pytest

from engine.cpu_build import convert

TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "a", "b", "ab"]
METADATA = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.context_length": 64,
    "llama.embedding_length": 12,
    "llama.feed_forward_length": 24,
    "llama.attention.head_count": 3,
    "llama.attention.head_count_kv": 1,
    "llama.attention.layer_norm_rms_epsilon": 9.999999747378752e-06,
    "llama.rope.freq_base": 100000.0,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.tokens": TOKENS,
    "tokenizer.ggml.token_type": [3, 3, 3, 1, 1, 1],
    "tokenizer.ggml.merges": ["a b"],
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.unknown_token_id": 0,
    "tokenizer.ggml.padding_token_id": 2,
    "tokenizer.chat_template": "{{ messages }}",
}


@pytest.mark.parametrize(
    ("gguf", "transformers"),
    [
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("output_norm.weight", "model.norm.weight"),
        ("blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj.weight"),
        ("blk.29.ffn_down.weight", "model.layers.29.mlp.down_proj.weight"),
        ("blk.7.ffn_norm.weight", "model.layers.7.post_attention_layernorm.weight"),
    ],
)
def test_tensor_names(gguf: str, transformers: str) -> None:
    assert convert.tensor_name(gguf) == transformers


@pytest.mark.parametrize("name", ["blk.0.attn_q.bias", "blk.x.attn_q.weight", "blk.0.ffn_gate_exps.weight", "x"])
def test_an_unknown_tensor_is_refused(name: str) -> None:
    with pytest.raises(convert.ConversionError, match=f"cannot convert .*{name}"):
        convert.tensor_name(name)


def test_the_configuration_of_the_model() -> None:
    config = convert.model_config(METADATA, tied=True)
    assert config["head_dim"] == 4
    assert config["vocab_size"] == 6
    assert config["rms_norm_eps"] == 1e-05
    assert config["tie_word_embeddings"] is True
    assert config["eos_token_id"] == 2


def test_another_architecture_or_tokenizer_is_refused() -> None:
    with pytest.raises(convert.ConversionError, match="'qwen2'"):
        convert.model_config({**METADATA, "general.architecture": "qwen2"}, tied=True)
    with pytest.raises(convert.ConversionError, match="'llama-bpe'"):
        convert.text_files({**METADATA, "tokenizer.ggml.pre": "llama-bpe"}, tied=True)


def test_the_tokenizer_keeps_control_tokens_whole() -> None:
    files = convert.text_files(METADATA, tied=True)
    tokenizer = files["tokenizer.json"]
    assert [token["content"] for token in tokenizer["added_tokens"]] == TOKENS[:3]
    assert all(token["special"] for token in tokenizer["added_tokens"])
    assert tokenizer["model"]["merges"] == [["a", "b"]]
    assert tokenizer["model"]["vocab"]["ab"] == 5
    assert files["tokenizer_config.json"]["eos_token"] == "<|im_end|>"
    assert files["generation_config.json"] == {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    assert files["chat_template.jinja"] == "{{ messages }}"
    json.dumps(files)


def test_rotated_pairs_are_taken_apart() -> None:
    # Two heads of six rows; 0 and 1 rotate together, then 2 and 3, then 4 and 5.
    assert convert.rotation_order(rows=12, heads=2) == [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]
