"""Windows for tests elsewhere: the modules of `shared` imported again over an `os` that behaves as it does there.

One drive, `C:`, lies in a folder of this machine. What differs and matters is imitated, from the documentation of
CPython's `os`, `msvcrt` and of CreateFileW, DeleteFileW and MoveFileExW:

- paths are ntpath's; names ignore case, lose a dot or space at the end; `a:b` is a stream of `a`, CON and the like are devices;
- a file that any handle has open can be neither deleted nor renamed nor replaced (Python opens without FILE_SHARE_DELETE);
  a read-only one neither; a file that is being deleted refuses to be opened;
- msvcrt.locking locks a region of one handle and refuses all others, to read and to write as well;
- a descriptor without O_BINARY writes CR LF; O_NOFOLLOW, O_NONBLOCK, fchmod, geteuid, fcntl, grp, SIGHUP are missing.

Not imitated: short names (8.3), permissions (ACLs), links, the console's own code, paths longer than 260 characters.
"""
from __future__ import annotations

import builtins
import errno
import fcntl
import importlib
import io
import ntpath
import os
import re
import stat
import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])$", re.IGNORECASE)
_MISSING = re.compile(r"O_(NOFOLLOW|NONBLOCK|CLOEXEC|NOCTTY|DIRECTORY|SYNC)|f?chown|fchmod|get(e|res)?[ug]id|getp?gid|kill(pg)?"
                      r"|fork|set(s|eu|eg|u|g)id|mkfifo|register_at_fork|sched_.*|posix_.*|statvfs|sync|uname|nice|environb"
                      r"|WNOHANG|O_TMPFILE|pread|pwrite|writev|readv|(get|set)priority|EX_.*|geteuid")
_BINARY = 1 << 28  # what O_BINARY is here: a bit that no flag of this system has
ACCESS, SHARING, EXISTS_ALREADY, BAD_NAME = 5, 32, 183, 123  # GetLastError of the refusals


def refusal(number: int, winerror: int, path: str) -> OSError:
    """The OSError of a Windows call: its errno, and the number that Windows gave."""
    error = OSError(number, os.strerror(number), path)
    error.winerror = winerror
    return error


class Disk:
    """The drive C: in a folder, and who has which file open."""

    def __init__(self, root: str):
        self.root, self.cwd = root, "C:\\"
        self._open: dict = {}  # descriptor -> stat of its file when it was opened
        self._text: set = set()  # descriptors without O_BINARY
        self.locks: dict = {}  # (descriptor, stat) -> (first byte, one behind the last)
        self.deleting: dict = {}  # real path -> how many more times it refuses to be opened

    # -- names

    def real(self, path) -> str:
        """Where a Windows path lies here. Raises the OSError of a name that Windows does not take."""
        path = os.fspath(path)
        if "\0" in path:
            raise ValueError("embedded null character")
        drive, rest = ntpath.splitdrive(ntpath.normpath(ntpath.join(self.cwd, path)))
        if drive.upper() != "C:":
            raise refusal(errno.ENOENT, 3, path)
        found = self.root
        for name in filter(None, rest.split("\\")):
            found = os.path.join(found, self._entry(found, name, path))
        return found

    def _entry(self, folder: str, name: str, path: str) -> str:
        """The entry of a folder that a name means, else the name as it would be written."""
        name, colon, stream = name.partition(":")
        if re.search(r'[<>"|?*\x01-\x1f]', name + stream):
            raise refusal(errno.EINVAL, BAD_NAME, path)
        if _DEVICE.match(name.split(".")[0].rstrip(" ")):
            raise refusal(errno.ENOENT, 2, path)
        if len(name.encode("utf-16-le")) > 510:
            raise refusal(errno.ENOENT, 3, path)
        name = name.rstrip(". ")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        found = next((one for one in names if one.lower() == name.lower()), name)
        return f"{found}:{stream}" if colon else found

    # -- handles

    def opened(self, descriptor: int) -> int:
        """Note a new descriptor; the number may be that of one that is closed by now, and so is its lock."""
        self.locks = {key: region for key, region in self.locks.items() if key[0] != descriptor}
        self._open[descriptor] = os.fstat(descriptor)
        return descriptor

    def _is_live(self, descriptor: int, found) -> bool:
        """Whether a descriptor is still the one that was noted: a file object closes it unseen."""
        try:
            return os.path.samestat(os.fstat(descriptor), found)
        except OSError:
            return False

    def is_open(self, real: str) -> bool:
        try:
            wanted = os.lstat(real)
        except OSError:
            return False
        self._open = {one: found for one, found in self._open.items() if self._is_live(one, found)}
        return any(os.path.samestat(found, wanted) for found in self._open.values())

    def refuse_open(self, real: str, path: str, winerror: int = SHARING) -> None:
        """A file that is open, or read-only, is neither deleted nor renamed."""
        if self.is_open(real):
            raise refusal(errno.EACCES, winerror, path)
        if os.path.isfile(real) and not os.stat(real).st_mode & stat.S_IWUSR:
            raise refusal(errno.EACCES, ACCESS, path)

    def refuse_deleting(self, real: str, path: str) -> None:
        if self.deleting.get(real, 0) > 0:
            self.deleting[real] -= 1
            if not self.deleting[real]:
                os.unlink(real)
            raise refusal(errno.EACCES, ACCESS, path)

    def refuse_locked(self, descriptor: int, first: int, size: int) -> None:
        """A region that another handle of the file has locked is neither read nor written."""
        own = os.fstat(descriptor)
        self.locks = {key: region for key, region in self.locks.items() if self._is_live(*key)}
        for (holder, found), (begin, end) in self.locks.items():
            if holder != descriptor and os.path.samestat(found, own) and first < end and begin < first + size:
                raise refusal(errno.EACCES, 33, "")

    # -- what the modules call

    def open(self, path, flags, mode=0o777, **_) -> int:
        if path == "nul":
            return os.open(os.devnull, flags)
        real = self.real(path)
        self.refuse_deleting(real, path)
        if os.path.isdir(real):
            raise refusal(errno.EACCES, ACCESS, path)
        if ":" in os.path.basename(real):  # a stream: the file itself appears, empty
            io.open(real.rpartition(":")[0], "ab").close()
        if os.path.isfile(real) and flags & (os.O_WRONLY | os.O_RDWR) and not os.stat(real).st_mode & stat.S_IWUSR:
            raise refusal(errno.EACCES, ACCESS, path)
        descriptor = self.opened(os.open(real, flags & ~_BINARY, 0o666 if mode & 0o200 else 0o444))
        self._text.discard(descriptor)
        if not flags & _BINARY:
            self._text.add(descriptor)
        return descriptor

    def open_file(self, path, mode="r", buffering=-1, encoding=None, errors=None, newline=None, **_):
        """The built-in open: text is in cp936 unless something else is asked for, lines end in CR LF."""
        if path == "nul":
            return io.open(os.devnull, mode, buffering, encoding)
        if not isinstance(path, int):
            real = self.real(path)
            self.refuse_deleting(real, path)
            if os.path.isdir(real):
                raise refusal(errno.EACCES, ACCESS, path)
            path = real
        if "b" in mode:
            file = io.open(path, mode, buffering)
        else:
            newline = "\r\n" if newline is None and set("wax+") & set(mode) else newline
            file = io.open(path, mode, buffering, encoding or "cp936", errors, newline)
        self.opened(file.fileno())
        return file

    def write(self, descriptor: int, data) -> int:
        self.refuse_locked(descriptor, os.lseek(descriptor, 0, os.SEEK_CUR), len(data))
        if descriptor in self._text:
            os.write(descriptor, bytes(data).replace(b"\n", b"\r\n"))
            return len(data)
        return os.write(descriptor, data)

    def read(self, descriptor: int, size: int) -> bytes:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return os.read(descriptor, size)
        self.refuse_locked(descriptor, os.lseek(descriptor, 0, os.SEEK_CUR), size)
        return os.read(descriptor, size)

    def unlink(self, path, **_) -> None:
        real = self.real(path)
        if os.path.isdir(real):
            raise refusal(errno.EACCES, ACCESS, path)
        self.refuse_open(real, path)
        os.unlink(real)

    def rename(self, source, target, **_) -> None:
        if os.path.lexists(self.real(target)) and self.real(source) != self.real(target):
            raise refusal(errno.EEXIST, EXISTS_ALREADY, source)
        self.replace(source, target)

    def replace(self, source, target, **_) -> None:
        one, other = self.real(source), self.real(target)
        self.refuse_open(one, source)
        self.refuse_open(other, source, ACCESS)
        if os.path.isdir(other):
            raise refusal(errno.EACCES, ACCESS, source)
        os.replace(one, other)

    def link(self, source, target, **_) -> None:
        if os.path.lexists(self.real(target)):
            raise refusal(errno.EEXIST, EXISTS_ALREADY, source)
        os.link(self.real(source), self.real(target))

    def fsync(self, descriptor: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        os.fsync(descriptor)

    def stat(self, path, **_):
        return os.stat(self.real(path)) if not isinstance(path, int) else os.fstat(path)

    def lstat(self, path, **_):
        return os.lstat(self.real(path))

    def mkdir(self, path, mode=0o777, **_) -> None:
        real = self.real(path)
        if os.path.lexists(real):
            raise refusal(errno.EEXIST, EXISTS_ALREADY, path)
        os.mkdir(real)

    def makedirs(self, path, mode=0o777, exist_ok=False) -> None:
        os.makedirs(self.real(path), exist_ok=exist_ok)

    def rmdir(self, path, **_) -> None:
        os.rmdir(self.real(path))

    def chmod(self, path, mode, **_) -> None:
        os.chmod(self.real(path), 0o666 if mode & stat.S_IWUSR else 0o444)

    def utime(self, path, *times, **named) -> None:
        os.utime(self.real(path), *times, **named)

    def listdir(self, path=".") -> list:
        return os.listdir(self.real(path))

    def scandir(self, path="."):
        names = [types.SimpleNamespace(name=name, path=ntpath.join(path, name)) for name in self.listdir(path)]
        return _Entries(names)

    def readlink(self, path, **_):
        return os.readlink(self.real(path))

    def access(self, path, mode, **_) -> bool:
        return os.path.exists(self.real(path)) and (mode != os.W_OK or bool(os.stat(self.real(path)).st_mode & stat.S_IWUSR))

    def getcwd(self) -> str:
        return self.cwd


class _Entries(list):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Msvcrt(types.ModuleType):
    """Region locks of a handle, at its position."""
    LK_UNLCK, LK_LOCK, LK_NBLCK, LK_RLCK, LK_NBRLCK = range(5)

    def __init__(self, disk: Disk):
        super().__init__("msvcrt")
        self._disk = disk

    def locking(self, descriptor: int, mode: int, count: int) -> None:
        first = os.lseek(descriptor, 0, os.SEEK_CUR)
        key = descriptor, os.fstat(descriptor)
        if mode == self.LK_UNLCK:
            if self._disk.locks.pop(key, None) is None:
                raise refusal(errno.EACCES, 158, "")
            return
        try:
            self._disk.refuse_locked(descriptor, first, count)
        except OSError:  # the C library tries ten times, a second apart, and calls that a deadlock
            raise OSError(errno.EACCES if mode in (self.LK_NBLCK, self.LK_NBRLCK) else errno.EDEADLK, "locked") from None
        self._disk.locks[key] = first, first + count


def _path_module(disk: Disk) -> types.ModuleType:
    """ntpath, asking this disk instead of this machine."""
    module = types.ModuleType("ntpath")
    module.__dict__.update({name: value for name, value in vars(ntpath).items() if not name.startswith("__")})

    def asks(question, without=False):
        def answer(path):
            try:
                return question(disk.real(path))
            except (OSError, ValueError):
                return without
        return answer
    for name in ("exists", "lexists", "isfile", "isdir", "islink"):
        setattr(module, name, asks(getattr(os.path, name)))
    module.samefile = lambda one, other: os.path.samefile(disk.real(one), disk.real(other))
    module.getsize = lambda path: disk.stat(path).st_size
    module.getmtime = lambda path: disk.stat(path).st_mtime
    module.abspath = module.realpath = lambda path, **_: ntpath.normpath(ntpath.join(disk.cwd, path))
    module.expanduser = lambda path: re.sub(r"^~(?=[/\\]|$)", lambda _: "C:\\Users\\li", path)
    return module


def _os_module(disk: Disk) -> types.ModuleType:
    module = types.ModuleType("os")
    module.__dict__.update({name: value for name, value in vars(os).items() if not _MISSING.fullmatch(name)})
    for name in ("open", "write", "read", "unlink", "rename", "replace", "link", "fsync", "stat", "lstat", "mkdir", "makedirs",
                 "rmdir", "chmod", "utime", "listdir", "scandir", "readlink", "getcwd", "access"):
        setattr(module, name, getattr(disk, name))
    module.remove = disk.unlink
    module.name, module.sep, module.altsep, module.linesep = "nt", "\\", "/", "\r\n"
    module.O_BINARY, module.path, module.devnull = _BINARY, _path_module(disk), "nul"
    return module


class Windows:
    """Within the block `load("shared.files.whole")` gives a module as it is on Windows; they see each other alone."""
    ABSENT = ("fcntl", "grp", "pwd", "resource", "termios")

    def __init__(self, root):
        self.disk = Disk(str(root))
        self.os = _os_module(self.disk)

    def __enter__(self):
        import shared.cli.session, shared.batch.run, shared.tasks.run, shared.files.probe  # noqa: E401, F401 what they import is here
        self._before = {name: module for name, module in sys.modules.items()
                        if name.split(".")[0] == "shared" or name in self.ABSENT or name == "msvcrt"}
        for name in self._before:
            del sys.modules[name]
        sys.modules.update({"msvcrt": Msvcrt(self.disk), **{name: None for name in self.ABSENT}})
        sys.path.insert(0, str(ROOT))  # a script that ran in this process has put its own folder first, where a copy lies
        try:
            importlib.import_module("shared")
        finally:
            sys.path.remove(str(ROOT))
        return self

    def load(self, name: str):
        """The module `name` of shared, with `import os` and `open` as on Windows."""
        real = sys.modules["os"]
        sys.modules["os"] = self.os
        try:
            importlib.import_module("shared.files.whole")  # some import it only when they need it
            module = importlib.import_module(name)
        finally:
            sys.modules["os"] = real
        for other in list(sys.modules):
            if other.split(".")[0] == "shared" and other != "shared":
                sys.modules[other].__dict__.setdefault("open", self.disk.open_file)
        return module

    def __exit__(self, *_):
        for name in [name for name in sys.modules if name.split(".")[0] == "shared" or name in self.ABSENT or name == "msvcrt"]:
            del sys.modules[name]
        sys.modules.update(self._before)


def console_936(data: io.BytesIO) -> io.TextIOWrapper:
    """A text stream as Python opens one for a pipe or a file under Chinese Windows."""
    return io.TextIOWrapper(data, encoding="cp936", errors="strict", newline="\r\n")


# -- what the shells make of a line

def argv_of(line: str) -> list:
    """The words that a C program sees of a command line (CommandLineToArgvW)."""
    words, word, quoted, begun, place = [], "", False, False, 0
    while place < len(line):
        slashes = len(line) - place - len(line[place:].lstrip("\\"))
        place += slashes
        if place < len(line) and line[place] == '"':
            word += "\\" * (slashes // 2)
            begun = True
            if slashes % 2:
                word += '"'
            else:
                quoted = not quoted
            place += 1
            continue
        word += "\\" * slashes
        begun = begun or bool(slashes)
        if place == len(line):
            break
        if line[place] in " \t" and not quoted:
            words, word, begun = (words + [word] if begun else words), "", False
        else:
            word, begun = word + line[place], True
        place += 1
    return words + [word] if begun else words


def cmd(line: str, variables: dict) -> list:
    """The words of a program that cmd starts. Raises ValueError where an unquoted metacharacter would do something else."""
    line = re.sub(r"%([^%]+)%", lambda found: variables.get(found.group(1).upper(), found.group()), line)
    quoted, passed = False, ""
    for character in line:
        quoted ^= character == '"'
        if not quoted and character in "&|<>()^\n":
            raise ValueError(f"cmd would act on {character!r}: {line}")
        passed += character
    if "\n" in passed or quoted:
        raise ValueError(f"cmd would end or go on: {line}")
    return argv_of(passed)


_SINGLE_QUOTED = r"'(?:[^'‘’‚‛]|(?P<{0}>['‘’‚‛])(?P={0}))*'"  # any of the four ends it, doubled it stands for itself


def powershell(line: str, variables: dict) -> list:
    """The words of a program that PowerShell starts; `variables` takes what the line sets before. Raises ValueError where it
    would expand, or take the line for a text."""
    setting = re.match(r"\$env:(\w+)=(" + _SINGLE_QUOTED.format("q") + r"|[\w./:~-]+); ", line)
    if setting:
        variables[setting.group(1)] = _unquoted(setting.group(2))
        line = line[setting.end():]
    if line[:1] in "'\"":
        raise ValueError(f"a quoted first word is a text: {line}")
    words, place = [], 0
    word = rf"""\s*({_SINGLE_QUOTED.format("q")}|"[^"$`“”„‟]*"|[\w./\\:=+~%!^*?\[\]-]+)(?=\s|$)"""
    for found in re.finditer(word, line):
        if found.start() != place:
            break
        words.append(_unquoted(found.group(1)))
        place = found.end()
    if line[place:].strip() and not re.match(r"\s+#", line[place:]):  # what begins with # is a comment
        raise ValueError(f"PowerShell would act on {line[place:]!r}")
    if any('"' in word for word in words):  # 5.1 passes them on without a backslash
        raise ValueError(f"PowerShell loses the quotation marks of {line}")
    return words


def _unquoted(word: str) -> str:
    if word[:1] == "'":
        return re.sub("(['‘’‚‛])\\1", r"\1", word[1:-1])
    return word.strip('"')


def opened(path: str, mode: str = "rb"):
    """The built-in open of this machine, for what a test itself reads."""
    return builtins.open(path, mode)
