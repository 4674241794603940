"""The solver that halmos asks: several at once, the first answer counts. Run by halmos' own Python, on one file.

yices is quick with bits, cvc5 with products once it takes words for integers, bitwuzla with what lies between.
"""

import ctypes
import signal
import subprocess
import sys
import time
from pathlib import Path

LONGEST_S = 3600
HEAD_START_S = 5


def solve_with_cvc5(file: str) -> None:
    """Words as integers: what a prover of bits needs hours for takes a second, if it is about products."""
    import cvc5

    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("solve-bv-as-int", "sum")
    solver.setOption("produce-models", "true")
    parser = cvc5.InputParser(solver)
    parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, file)
    names = parser.getSymbolManager()
    while not (command := parser.nextCommand()).isNull():
        print(command.invoke(solver, names), end="")


def solve_with_bitwuzla(file: str) -> None:
    """Products and quotients are abstracted and refined."""
    import bitwuzla

    options = bitwuzla.Options()
    options.set(bitwuzla.Option.PRODUCE_MODELS, True)
    options.set(bitwuzla.Option.ABSTRACTION, True)
    bitwuzla.Parser(bitwuzla.TermManager(), options).parse(file, False, True)


def portfolio(file: str) -> int:
    """Prints the first answer that is one. The second and third solver begin when the one before takes long."""
    yices = Path(sys.executable).parent / "yices-smt2"
    commands = [
        [str(yices), "--smt2-model-format", "--bvconst-in-decimal", file],
        [sys.executable, __file__, "cvc5", file],
        [sys.executable, __file__, "bitwuzla", file],
    ]
    running: list[tuple[subprocess.Popen[bytes], Path]] = []
    started = time.monotonic()
    try:
        while time.monotonic() < started + LONGEST_S:
            if commands and time.monotonic() >= started + HEAD_START_S * len(running):
                running.append(_begin(commands.pop(0), Path(f"{file}.{len(running)}")))
            answer = _answer(running)
            if answer:
                print(answer, end="")
                return 0
            time.sleep(0.02)
        print("unknown")
        return 0
    finally:
        for process, _ in running:
            process.kill()


def _begin(command: list[str], out: Path) -> tuple["subprocess.Popen[bytes]", Path]:
    """Into a file: a model may be larger than a pipe."""
    with out.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603
            command, stdout=file, stderr=subprocess.DEVNULL, preexec_fn=_die_with_parent
        )
    return process, out


def _die_with_parent() -> None:
    """No solver goes on for a halmos that was stopped (Linux; PR_SET_PDEATHSIG is 1)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _answer(running: list[tuple["subprocess.Popen[bytes]", Path]]) -> str:
    for process, out in running:
        if process.poll() is not None:
            answer = out.read_text(errors="replace")
            if answer.startswith(("sat", "unsat")):
                return answer
    return ""


if __name__ == "__main__":
    if sys.argv[1] == "cvc5":
        solve_with_cvc5(sys.argv[2])
    elif sys.argv[1] == "bitwuzla":
        solve_with_bitwuzla(sys.argv[2])
    else:
        _die_with_parent()
        sys.exit(portfolio(sys.argv[1]))
