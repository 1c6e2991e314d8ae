"""What one test sets, and what its requests leave behind. A reset begins another epoch.

A request belongs to the epoch in which it came: what it leaves after a reset lands in the old one, where nobody looks.
"""
from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Callable, DefaultDict, Dict, List, Optional, Set, Tuple

from tests.emulator import batches, files, image_models, keys, ledger, models, results, tasks, uploads, video_models, voices, voicing
from tests.emulator.answers import check_script
from tests.emulator.faults import Fault, Flaky
from tests.emulator.wire import Exchange, Recorded

if TYPE_CHECKING:
    from tests.emulator.server import Emulator

MEGABYTE = 1024 * 1024
KEPT_REQUESTS = 20_000                 # a long bench must not grow without end


class Epoch:
    """The settings, faults and books from one reset to the next."""

    def __init__(self, server: Emulator, delay: float, latency: float):
        self.url, self.lock, self._hurried = server.url, threading.RLock(), threading.Event()
        self.reset = server.reset
        self.delay = delay             # seconds between chunks unless a script says otherwise
        self.requests: List[Recorded] = []
        self.faults: List[Fault] = []
        self.scripts: List[Dict[str, Any]] = []
        self.body_limits = {"dashscope": 16 * MEGABYTE, "dashscope-intl": 16 * MEGABYTE, "maas": 64 * MEGABYTE,
                            "workspace": 64 * MEGABYTE}         # bytes of a JSON body, by host
        self.retired = False           # models that were announced dead are not found
        self.sse_refusals = True       # what a streaming request is refused with is an event stream, as of 2026; 2024: JSON
        self.bad_keys: Set[str] = {keys.WRONG_KEY}
        self.intl_keys: Set[str] = set()
        self.file_polls = 1            # how many looks at a new file until it is processed
        self.files: Dict[str, files.StoredFile] = {}
        self.batches: Dict[str, batches.Batch] = {}
        self.batch_polls = (1, 1, 1)   # how many looks at a batch see it validating, in progress, finalizing
        self.batch_seconds: Optional[Tuple[float, float, float]] = None     # ... or how long each takes by the clock
        self.batch_share = 0.5         # of the rows that are done when a batch expires or is cancelled
        self.batch_counts_move = True  # request_counts tells that share while the batch is in progress
        self.batch_cancel_polls = 1    # how many looks see a batch cancelling
        self.batch_cancel_fails_rows = False            # rows that a cancellation stopped are in the error file
        self.batch_expires_at = True   # the batch tells its deadline
        self.batch_row_bytes = 1_000_000                # of one row
        self.batch_live_limit = 1_000  # batches of one account that have not ended
        self.batch_error_form = "response"              # of error rows: response, null, flat
        self.batch_error_prefix = "file-batch_output-"  # of the ids of error files; documented: file-batch_error-
        self.batch_reasoning = False   # result rows tell the reasoning
        self.batch_refused_models: Set[str] = set()     # that have no batch
        self.most_batches = 0
        self.cached_prefixes: Dict[str, float] = {}
        self.models: Dict[str, models.Model] = dict(models.MODELS)
        self.clock: Callable[[], float] = time.time     # what policies and uploaded objects expire by
        self.policy_seconds = 300
        self.max_file_size_mb = 1024
        self.policies: Dict[str, uploads.Policy] = {}
        self.uploads: List[uploads.Upload] = []
        self.objects: Dict[str, uploads.StoredObject] = {}
        self.image_models: Dict[str, image_models.ImageModel] = dict(image_models.IMAGE_MODELS)
        self.video_models: Dict[str, video_models.VideoModel] = dict(video_models.VIDEO_MODELS)
        self.result_name = "{token}-{index}"            # of files to download, without ending; may hold any characters
        self.video_bytes = 100_000     # how long the file of a video is at least
        self.web_seconds = 5.0         # how long videos and sounds are that lie elsewhere
        self.doubtful_uploads = True   # oss:// is taken where the documents do not name it
        self.running_limits: Dict[str, int] = {}        # model -> tasks of one account that run; more stay PENDING
        self.running_status = tasks.RUNNING             # what a task that runs is told to be, as SUSPENDED
        self.placed: Counter = Counter()                # tasks that run or are about to, by account and model
        self.unfinished: Counter = Counter()            # these and the ones that wait for a place
        self.waiting: DefaultDict[tuple, List[tasks.Task]] = defaultdict(list)
        self.most_running: Counter = Counter()          # by model: how many there were at a time
        self.most_unfinished: Counter = Counter()
        self.latency = latency   # seconds until a create is answered, once it is accepted
        self.task_polls = (1, 1)       # how many looks at a task see it PENDING, and RUNNING
        self.late_refusals = False     # pictures that are refused make tasks that fail
        self.flat_failures = False     # wan2.6 and wan2.7 image tasks tell failures without `output`
        self.flaky_plans: List[Flaky] = []
        self.unit_seconds = voicing.UNIT_SECONDS       # of speech for one counting unit
        self.placeholder_sizes: Any = True              # in the headers of WAV files: True, "7fffffff", "ffffffff", "zero", False
        self.extra_chunks = False      # a chunk of odd length before the samples of WAV files
        self.strict_limits = True      # texts longer than documented are refused
        self.truncate_cosyvoice = False
        self.known_voices: Set[str] = set()
        self.speaking = self.most_speaking = 0          # synthesis calls under way
        self.speech_texts: List[str] = []               # what was accepted, in order
        self.voice_polls = 1           # how many looks at a new voice until it is ready
        self.voices: Dict[str, voices.MadeVoice] = {}
        self.voices_made: List[voices.MadeVoice] = []
        self.creates: List[ledger.Create] = []
        self.downloads: List[results.Download] = []
        self.tasks: Dict[str, tasks.Task] = {}
        self.results: Dict[str, results.Result] = {}
        self.looks: Dict[bytes, Any] = {}               # what pictures that came in were found to be, by digest

    def host_url(self, host: str) -> str:
        if host not in keys.HOSTS:
            raise ValueError(f"unknown host {host!r}; known: {', '.join(keys.HOSTS)}")
        return f"{self.url}/@{host}"

    def pause(self, seconds: Optional[float]) -> None:
        """What delays an answer; None: until the end."""
        self._hurried.wait(seconds)

    def hurry(self) -> None:
        """From now on nothing is delayed, and what was being delayed goes on."""
        self._hurried.set()

    def settle(self) -> None:
        """Wait, without further delays, until all that came in has been dealt with, also where the client has gone meanwhile."""
        self.hurry()
        while any(request.status is None for request in list(self.requests)):
            time.sleep(0.005)

    @property
    def chat_requests(self) -> List[Recorded]:
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    def inject(self, fault: str, times: Optional[int] = 1, path: Optional[str] = None, text: str = "", **parameters: Any) -> None:
        """The next `times` requests whose path contains `path`, and whose body `text`, suffer `fault`; times=None: all, until reset.

        The path is looked for in /@host/path: "@oss" means the object storage, where its own faults wait anyway.
        """
        with self.lock:
            self.faults.append(Fault(fault, times, path, parameters, text.encode("utf-8")))

    def flaky(self, path: str = "/services/aigc/", seed: int = 1, rate429: float = 0.0, rate500: float = 0.0,
              rates: Optional[Dict[str, float]] = None) -> None:
        """From now on each request whose path contains `path` may fail; `rates` names further faults and their shares."""
        self.flaky_plans.append(Flaky(path, seed, {"429": rate429, "500": rate500, **(rates or {})}))

    def bill(self, create: ledger.Create) -> None:
        with self.lock:
            self.creates.append(create)
            if len(self.creates) > ledger.KEPT_CREATES:
                del self.creates[:ledger.KEPT_CREATES // 4]

    def unbill(self, task_id: str) -> None:
        """What was canceled is not paid for."""
        create = next((create for create in reversed(self.creates) if create.task_id == task_id), None)
        if create is not None:
            create.pictures, create.seconds = 0, 0

    def reply(self, **script: Any) -> None:
        """Script the next chat answer that passes validation; several calls queue up."""
        check_script(script)
        with self.lock:
            self.scripts.append(script)

    def take_script(self, exchange: Exchange) -> Optional[Dict[str, Any]]:
        if exchange.script is not None:
            return exchange.script
        with self.lock:
            return self.scripts.pop(0) if self.scripts else None

    def take_fault(self, path: str, body: bytes = b"") -> Optional[Fault]:
        with self.lock:
            fault = next((fault for fault in self.faults if fault.matches(path) and fault.text in body), None)
            if fault is not None and fault.times is not None:
                fault.times -= 1
        if fault is not None:
            return fault
        return next((fault for fault in (plan.take(path) for plan in self.flaky_plans) if fault), None)

    def remember(self, record: Recorded) -> Recorded:
        with self.lock:
            self.requests.append(record)
            if len(self.requests) > KEPT_REQUESTS:
                del self.requests[:KEPT_REQUESTS // 2]
        return record
