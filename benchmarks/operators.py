"""Trace and compare the operators of torch's own operator tests; write docs/operators.md.

    python -m pip install expecttest               what torch's tests import
    python benchmarks/operators.py                 all operators, about half an hour
    python benchmarks/operators.py --only 'fft.*'  some of them; the others stay
    python benchmarks/operators.py --write         only write the page again, from operators.json

Each operator gets its first five small samples, and the same samples rounded to whole numbers.
Operators that operators.json has are left out: delete it to run all again.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import fnmatch
import functools
import json
import multiprocessing
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from operators_page import findings, page, status
from pebble import ProcessExpired, ProcessPool
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils._python_dispatch import TorchDispatchMode

import symdiff
from symdiff.errors import InputError
from symdiff.verdict.words import Verdict

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "operators.json"
PAGE: Final = HERE.parent / "docs" / "operators.md"
SAMPLES: Final = 5
SECONDS: Final = 30.0  # of processor time, for all samples of an operator
SECONDS_FOR_ONE: Final = 10.0
WAIT: Final = 6.0  # seconds of waiting for each second of processor time: the machine may be busy
SMALL: Final = 64  # components of all inputs of a sample
LARGEST: Final = 512  # the same, for operators that have no sample as small as that
COMPONENTS: Final = 128  # derivatives that are written out; with more, the value is contracted
CROPPED: Final = (5, 4, 3, 2)  # the lengths to which dimensions are cropped, where none is small
LOOKED_AT: Final = 40  # samples, among which small ones are sought
FINDINGS: Final = frozenset(v.label for v in Verdict if not v.passes)


# What the page says about the samples.
HOW: Final = f"""PyTorch {torch.__version__.partition("+")[0]} tests its operators on the samples in
`torch.testing._internal.common_methods_invocations.op_db`. `benchmarks/operators.py` runs symdiff
on every operator that has gradients in float64. It uses the first {SAMPLES} samples of at most
{SMALL} numbers; if there are none, it shortens the dimensions of the first samples. It uses the
same samples rounded to whole numbers, too, so that ties and zeros occur. It traces the operator,
which checks the values of the trace, and compares the gradients of the operator's own backward pass
with the truth of the trace. Results with more than {COMPONENTS} derivatives are contracted with
fixed weights, as in a loss. An operator may take {SECONDS:.0f} s of processor time, and a sample
{SECONDS_FOR_ONE:.0f} s.
"""


def operators(pattern: str) -> dict[str, Any]:
    """Return torch's operators with gradients in float64, by name."""
    named = {
        f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name: op
        for op in op_db
        if op.supports_autograd and torch.float64 in op.dtypes
    }
    return {name: op for name, op in named.items() if fnmatch.fnmatch(name, pattern)}


# -- samples


def samples(op: Any) -> list[Any]:  # noqa: ANN401  (torch's OpInfo and SampleInput have no public types)
    """Return the first small samples of an operator; if it has none, the first ones, cropped."""
    torch.manual_seed(0)
    made = op.sample_inputs("cpu", torch.float64, requires_grad=True)
    found = [sample for sample, _ in zip(made, range(LOOKED_AT), strict=False)]
    small = [sample for sample in found if 0 < _size(sample) <= SMALL]
    cropped = small or [small for sample in found if (small := _cropped(op, sample)) is not None]
    return (cropped or [s for s in found if 0 < _size(s) <= LARGEST])[:SAMPLES]


def _cropped(op: Any, sample: Any) -> Any:  # noqa: ANN401
    """Return a sample with shorter dimensions that torch accepts; None without one."""
    for length in CROPPED:
        shorter = sample.transform(functools.partial(_first, length=length))
        if not 0 < _size(shorter) <= SMALL:
            continue
        try:
            _results(*as_function(op, shorter))
        except Exception:  # noqa: BLE001, S112  (other arguments may need the former lengths)
            continue
        return shorter
    return None


def _first(value: Any, length: int) -> Any:  # noqa: ANN401
    if not isinstance(value, torch.Tensor) or value.layout != torch.strided:
        return value
    part = value.detach()[tuple(slice(length) for _ in value.shape)].clone()
    return part.requires_grad_(value.requires_grad)


def _size(sample: Any) -> int:  # noqa: ANN401
    """Return the number of components of the inputs; 0 if an input is empty, or there is none."""
    tensors = list(_tensors(_given(sample)))
    inputs = [t for t in tensors if t.requires_grad]
    has_inputs = bool(inputs) and all(t.numel() for t in inputs)
    return sum(t.numel() for t in tensors) if has_inputs else 0


def _given(sample: Any) -> tuple[Any, ...]:  # noqa: ANN401
    return (sample.input, sample.args, tuple(sample.kwargs.values()))


def _tensors(value: Any) -> Iterator[torch.Tensor]:  # noqa: ANN401
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)


def rounded(sample: Any) -> Any:  # noqa: ANN401
    """Return a sample with whole numbers."""

    def to_whole(value: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, torch.Tensor) or value.layout != torch.strided:
            return value
        if not value.is_floating_point():
            return value
        return value.detach().round().requires_grad_(value.requires_grad)

    return sample.transform(to_whole)


def as_function(op: Any, sample: Any) -> tuple[Any, list[torch.Tensor]]:  # noqa: ANN401
    """Return an operator as a function of the tensors that it is differentiated by, and these."""
    inputs = [t for t in _tensors(_given(sample)) if t.requires_grad]

    def function(*tensors: torch.Tensor) -> Any:  # noqa: ANN401
        others = {id(old): new for old, new in zip(inputs, tensors, strict=True)}
        moved = _replaced(_given(sample), others)
        keywords = dict(zip(sample.kwargs, moved[2], strict=True))
        result = op(moved[0], *moved[1], **keywords)
        return sample.output_process_fn_grad(result) if sample.output_process_fn_grad else result

    return function, inputs


def _replaced(value: Any, others: Mapping[int, torch.Tensor]) -> Any:  # noqa: ANN401
    if isinstance(value, torch.Tensor):
        return others.get(id(value), value)
    if isinstance(value, list | tuple):
        return type(value)(_replaced(item, others) for item in value)
    return value


def out_of_scope(function: Any, inputs: list[torch.Tensor]) -> str:  # noqa: ANN401
    """Return why there is nothing to compare; "" if there is."""
    with _Draws() as draws:
        first = list(_tensors(_results(function, inputs)))
    if draws.seen:
        return "draws random numbers"
    if any(t.is_complex() for t in first):
        return "returns complex numbers"
    if any(t.layout != torch.strided for t in first):
        return "returns a sparse tensor"
    real = [t for t in first if t.is_floating_point()]
    if not real:
        return "returns no real numbers"
    if not any(t.requires_grad for t in real):
        return "its result has no gradient"
    return "" if any(t.numel() for t in real) else "returns nothing"


class _Draws(TorchDispatchMode):
    """Notes whether an operation draws random numbers."""

    seen = False

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run one operation."""
        del types
        self.seen |= torch.Tag.nondeterministic_seeded in func.tags
        return func(*args, **(kwargs or {}))


def _results(function: Any, inputs: list[torch.Tensor]) -> Any:  # noqa: ANN401
    return function(*(t.detach().clone().requires_grad_() for t in inputs))


# -- one sample, in a worker process


def check(name: str, number: int, whole: bool) -> dict[str, Any]:  # noqa: FBT001
    """Trace and compare one sample of an operator."""
    op = operators(name)[name]
    sample = samples(op)[number]
    function, inputs = as_function(op, rounded(sample) if whole else sample)
    try:
        if reason := out_of_scope(function, inputs):
            return {"outcome": "out of scope", "reason": reason}
    except Exception as error:  # noqa: BLE001  (torch may refuse whole numbers with any exception)
        return {"outcome": "out of scope", "reason": f"torch refuses it: {str(error)[:80]}"}
    try:
        program = symdiff.trace(function, *inputs)
        cotangent = _cotangent(function(*inputs), inputs)
        comparison = symdiff.compare(program, engines=["autograd"], cotangent=cotangent)
    except InputError as error:
        return {"outcome": "not traced", "reason": str(error)}
    return {"outcome": "compared", "text": program.text[:200], **_counted(comparison.records())}


def timed(name: str, number: int, whole: bool) -> dict[str, Any]:  # noqa: FBT001
    """Return what became of a sample, with the processor time that it took."""
    start = time.process_time()
    result = check(name, number, whole)
    return {**result, "seconds": round(time.process_time() - start, 2)}


def _cotangent(value: Any, inputs: list[torch.Tensor]) -> torch.Tensor | None:  # noqa: ANN401
    """Return weights for the components of a value with many derivatives, else None."""
    real = [t for t in _tensors(value) if t.is_floating_point() and t.numel()]
    size = sum(t.numel() for t in real)
    if size == 1 or size * sum(t.numel() for t in inputs) <= COMPONENTS:
        return None
    return weights(size).reshape(real[0].shape if len(real) == 1 else (size,))


def weights(size: int) -> torch.Tensor:
    """Return weights for the components of a value: sixteenths, so that few products coincide."""
    return (torch.arange(size, dtype=torch.float64) * 7 % 31 + 1) / 16


def _counted(records: Any) -> dict[str, Any]:  # noqa: ANN401
    rows = list(records)
    findings = [r for r in rows if r["verdict"] in FINDINGS]
    undecided = next((r["detail"] for r in rows if r["verdict"] == "undecided"), None)
    return {
        "derivatives": len(rows),
        "proved": sum(1 for r in rows if r["proved"]),
        "verdicts": dict(Counter(r["verdict"] for r in rows)),
        "kinds": dict(Counter(r["kind"] for r in rows)),
        "undecided": undecided,
        "findings": [_finding(r) for r in findings[:3]],
    }


def _finding(record: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("output", "variable", "kind", "left", "right", "derivative", "value", "verdict",
            "detail")  # fmt: skip
    return {key: record[key] for key in kept}


# -- all samples


def in_order(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return results in the order of torch's list of operators."""
    return {name: results[name] for name in operators("*") if name in results}


def run(names: list[str], most: int, out: Path) -> dict[str, list[dict[str, Any]]]:
    """Return what became of every sample, by operator; write it after every operator."""
    results = json.loads(out.read_text())["operators"] if out.exists() else {}
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    with ProcessPool(max_workers=1, context=context) as pool:
        for k, name in enumerate(names):
            start = time.monotonic()
            count = min(most, len(samples(operators(name)[name])))
            if len(results.get(name, ())) >= 2 * count > 0:
                continue  # from a former run
            results[name] = cases = []
            for number in range(count):
                for whole in (False, True):
                    left = SECONDS - sum(case.get("seconds", 0.0) for case in cases)
                    done = _in_worker(pool, name, number, whole, left)
                    cases.append({"sample": number, "whole": whole, **done})
            spent = time.monotonic() - start
            words = f"{status(results[name])} {'finding' if findings(results[name]) else ''}"
            print(f"{k + 1}/{len(names)} {name} {words} {spent:.1f} s", flush=True)
            stored = {"torch": torch.__version__, "operators": in_order(results)}
            out.write_text(json.dumps(stored, indent=0))
    return results


def _in_worker(
    pool: ProcessPool,
    name: str,
    number: int,
    whole: bool,  # noqa: FBT001
    left: float,
) -> dict[str, Any]:
    if left < 1:
        return {"outcome": "not run", "reason": f"{SECONDS:.0f} s were spent"}
    limit = min(left, SECONDS_FOR_ONE)
    stopped = {"outcome": "stopped", "reason": f"took longer than {limit:.0f} s", "seconds": limit}
    try:
        result = pool.schedule(timed, args=(name, number, whole), timeout=limit * WAIT).result()
    except concurrent.futures.TimeoutError:
        return stopped
    except ProcessExpired as error:
        return {"outcome": "crash", "reason": str(error)}
    except Exception as error:  # noqa: BLE001  (a crash is what this looks for)
        return {"outcome": "crash", "reason": f"{type(error).__name__}: {error}"[:300]}
    return stopped if result["seconds"] > limit else result


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="*", help="a pattern of names")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="samples of an operator")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where results are added")
    parser.add_argument("--write", action="store_true", help="only write the page again")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    if not given.write:
        results = run(list(operators(given.only)), given.samples, given.out)
        print(Counter(status(cases) for cases in results.values()))
    if given.out == RESULTS:
        stored = json.loads(RESULTS.read_text())
        PAGE.write_text(page(in_order(stored["operators"]), HOW + stored.get("note", "")))


if __name__ == "__main__":
    main()
