"""`python -P -m engine.arguments PYTHON > engine/arguments/vllm-VERSION.json`: the list to ship, asked of a vLLM."""

import os
import sys

import orjson

from engine.arguments.asking import ask


def main(python: str) -> int:
    """Print the answer, one argument a line, without what is only true on this machine."""
    answer = ask(python, os.environ)
    if answer is None or answer.get("server") is None:
        print(f"{python} has no vLLM that answers", file=sys.stderr)
        return 1
    head = orjson.dumps({"vllm": answer["vllm"], "server": answer["server"]}).decode()
    lines = (f" {_json(name)}: {_json(facts)}" for name, facts in sorted(answer["arguments"].items()))
    print(head.removesuffix("}") + ',"arguments":{', ",\n".join(lines), "}}", sep="\n")
    return 0


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
