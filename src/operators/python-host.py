"""A prepared interpreter: runs each program in a fork of itself, and speaks the frames of frames.ts on stdin and stdout.

Arguments: the modules to load before the first program. Text after `-c`, so that it needs no place on the disk.
"""

import sys

FRESH = frozenset(sys.modules)  # what a clean interpreter has loaded too, before its program begins

import atexit
import ctypes
import fcntl
import gc
import importlib
import io
import json
import os
import resource
import select
import signal
import struct
import threading
import time
import types

START, END, READY, STDOUT, STDERR, EXIT = range(1, 7)
PREPARE = 10
MARK = "AZALAI_WORK"  # by which the spawner knows its children
HEADER = struct.Struct("<IIB")
TAIL_BYTES_MAX = 64 * 1024
PR_SET_DUMPABLE = 4
PRCTL = getattr(ctypes.CDLL(None), "prctl", None)
LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]

requests = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
service = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
complaints = []


def main():
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)  # what a module prints while it is loaded belongs to nobody
    if "" in sys.path:
        sys.path.remove("")
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for name in sys.argv[1:]:
        try:
            importlib.import_module(name)
        except Exception as error:
            complaints.append(f"[the module {name} could not be prepared: {error}]\n")
    gc.collect()
    gc.freeze()  # a fork that collects garbage leaves the pages of the prepared modules alone
    set_dumpable(0)  # programs have the same user: none may look into this process or change it
    send(READY)
    child = None
    while True:
        kind, payload = receive()
        if kind == PREPARE:
            child = child or Child()
        if kind == START:
            run(child or Child(), payload, wake)
            child = None


def set_dumpable(value):
    if PRCTL is not None:
        PRCTL(PR_SET_DUMPABLE, value, 0, 0, 0)


def send(kind, payload=b""):
    frame = HEADER.pack(len(payload), 0, kind) + payload
    while frame:
        frame = frame[os.write(service, frame) :]


def receive():
    length, _, kind = HEADER.unpack(read_all(HEADER.size))
    return kind, read_all(length)


def read_all(length):
    data = bytearray()
    while len(data) < length:
        chunk = os.read(requests, length - len(data))
        if not chunk:
            os._exit(0)  # the service has gone; the spawner ends what is left
        data += chunk
    return bytes(data)


def traits():
    """What a program could change of this process from outside."""
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    return [resource.getrlimit(limit) for limit in LIMITS], os.getpriority(os.PRIO_PROCESS, 0), affinity


class Child:
    """A fork that waits for its program: most of what it costs is over when the program comes."""

    def __init__(self):
        self.out, out_end = os.pipe()
        self.err, err_end = os.pipe()
        request, self.request = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            become(await_request(request, out_end, err_end))
        for end in (out_end, err_end, request):
            os.close(end)

    def begin(self, request):
        try:
            with open(self.request, "wb") as pipe:
                pipe.write(request)
        except BrokenPipeError:
            pass  # it was killed while it waited, as its status says


def run(child, payload, wake):
    before = traits()
    child.begin(payload)
    output = Output(child.out, child.err, json.loads(payload)["outputBytesMax"])
    for complaint in complaints:
        output.pass_on(STDERR, complaint.encode())
    status = follow(child.pid, output, wake)
    output.drain()
    report = {"droppedBytes": output.dropped, "droppedTail": output.tail.decode(errors="replace")}
    code = os.waitstatus_to_exitcode(status)
    report |= {"exitCode": code} if code >= 0 else {"signal": signal.Signals(-code).name}
    send(EXIT, json.dumps(report | {"doubt": traits() != before}).encode())


def follow(child, output, wake):
    """Passes output and requests on until the program has ended; gives its status."""
    poll = select.poll()
    for source in (requests, wake, *output.open):
        poll.register(source, select.POLLIN)
    while True:
        for source, _ in poll.poll():
            if source == requests:
                kind, payload = receive()
                if kind == END:
                    kill(child, signal.SIGTERM)
                    kill(child, signal.SIGCONT)  # a stopped process would not hear it
            elif source == wake:
                os.read(wake, 4096)
                ended, status = os.waitpid(child, os.WNOHANG)
                if ended:
                    kill(child, signal.SIGKILL)  # what it left in its group
                    return status
            elif not output.read(source):
                poll.unregister(source)


def kill(group, number):
    try:
        os.killpg(group, number)
    except OSError:
        pass  # none left, or not yet a group: then the signal goes to the process itself
        if number != signal.SIGKILL:
            os.kill(group, number)


class Output:
    """What a program writes, passed on up to a limit."""

    def __init__(self, out, err, limit):
        self.open = {out: STDOUT, err: STDERR}
        self.left = limit
        self.dropped = 0
        self.tail = b""
        for source in self.open:
            os.set_blocking(source, False)

    def read(self, source):
        """False once nothing more can come."""
        try:
            chunk = os.read(source, 65536)
        except BlockingIOError:
            return True
        if chunk:
            self.pass_on(self.open[source], chunk)
        return chunk != b""

    def pass_on(self, kind, chunk):
        kept, rest = chunk[: self.left], chunk[self.left :]
        if kept:
            self.left -= len(kept)
            send(kind, kept)
        self.dropped += len(rest)
        if rest and kind == STDOUT:
            self.tail = (self.tail + rest)[-TAIL_BYTES_MAX:]

    def drain(self):
        for source, kind in self.open.items():
            try:
                while chunk := os.read(source, 65536):
                    self.pass_on(kind, chunk)
            except BlockingIOError:
                pass
            os.close(source)


def await_request(source, out, err):
    """In the fork: does all that does not depend on the program, then gives the request."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.dup2(source, 3)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    for name in os.environ.keys() - {MARK}:
        del os.environ[name]
    exec(compile("", "", "exec"), {})  # a fork owns a page of memory only once it has written to it
    with open(3, "rb") as pipe:
        payload = pipe.read()
    if not payload:
        os._exit(0)  # the prepared process has gone
    return json.loads(payload)


def become(request):
    """In the fork: makes it what a new interpreter would be for this program, and runs it."""
    set_dumpable(1)
    os.chdir(request["folder"])
    os.environ.update((name, value) for name, value in request["environment"].items() if name != MARK)
    time.tzset()
    sys.argv = list(request["args"])
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, request["folder"])
    forget_shadowed()
    reseed()
    path = os.path.join(request["folder"], sys.argv[0])
    program = types.ModuleType("__main__")
    program.__file__ = path
    program.__cached__ = None
    program.__builtins__ = __builtins__
    sys.modules["__main__"] = program
    leave(program, execute(program, path))


def forget_shadowed():
    """A file beside the program goes before a module of its name, as for a new interpreter."""
    beside = {name.partition(".")[0] for name in os.listdir(".")}
    for name in list(sys.modules):
        if name.partition(".")[0] in beside and name not in FRESH:
            del sys.modules[name]


def reseed():
    """Python's own generator has seen to this; programs would draw the same numbers from numpy's."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def execute(program, path):
    try:
        with io.open_code(path) as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
        exec(code, program.__dict__)
        return 0
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return (stop.code or 0) & 0xFF
        print(stop.code, file=sys.stderr)
        return 1
    except BaseException as error:
        outside = error.__traceback__.tb_next  # without the lines of this file
        sys.excepthook(type(error), error.with_traceback(outside), outside)
        return 1


def leave(program, status):
    """Ends as an interpreter does, without taking the prepared modules apart: that would cost more than the start."""
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
        program.__dict__.clear()
        gc.collect()
        for found in gc.get_objects():
            if isinstance(found, (io.TextIOWrapper, io.BufferedWriter)) and not found.closed:
                found.flush()
        sys.stdout.flush()
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    os._exit(status)


main()
