"""Invokes the Lambda function of deploy/lambda once, as Lambda does: it imports the module and calls the handler.

usage: lambda_forward.py FORWARD_PY EVENT_FILE

Prints {"returned": …} or {"raised": "…"}, and how long it took, as the last line: what the function logs comes before.
"""

import importlib.util
import json
import sys
import time


def main(source: str, event: str) -> None:
    spec = importlib.util.spec_from_file_location("forward", source)
    forward = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(forward)
    with open(event, encoding="utf-8") as file:
        event = json.load(file)
    begin = time.monotonic()
    try:
        result = {"returned": forward.handler(event, None)}
    except Exception as error:  # Lambda repeats an invocation after any
        result = {"raised": f"{type(error).__name__}: {error}"}
    print(json.dumps(result | {"seconds": time.monotonic() - begin}))


main(*sys.argv[1:])
