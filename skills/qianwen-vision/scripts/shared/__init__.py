"""What the five skills share. Edit this folder alone: `make sync` copies to every skill the files it reaches.

The way through a call, top to bottom. Each line imports only from lines below it, and from its own package:

main.py       from argv to the exit code: streams, signals, parsing, the session
converse.py   what text and vision do: a command about jobs, a batch by jobs or calls, or one call
generate.py   what image and video do: a command about tasks, a batch, a page, or one call
batch/        many calls: run many estimate; rows row_flags bad_rows sources template places; folder lines
              index results_table; workers tally throttle worker; the service's Batch API: job_commands
              job_preview api landing outcomes stored; its wire: service job_files job_facts
chat/         text and vision: flags request brought promised turn; answer usage price; table models retired
              seen tokens; json_answer json_schema patterns
tasks/        calls that make files: flags run; rows fetched delivery commands unread bill; service finding
              answers listing polling journal
cli/          what every command line has: session console failed fields flags inputs;
              check commands models spent
media/        pictures, videos and sounds that go in: inputs prompt addressing uploads
money/        what a call costs: cost prices payments budget spending sums report
gallery/      a page of results: page.py and the page's own files
transport/    one HTTP call done right: client request retries reading events download;
              uploads: storage multipart; what went wrong: context said errors endings
              troubles;
              below them connecting proxies limits addresses
account.py    the key and the endpoint's setting, from the environment and .env files
files/        bytes on disk: names answer_file json_file outputs sidecar probe ends;
              below them whole locks own
body.py       the request body as data: --set, dotted paths, JSON, inline media shown as its size
models.py     Table: the row of a model id
words.py      numbers with their nouns
redaction.py  what is taken out of all that is printed or written
key_guard.py  regions and hosts, and which key may meet which endpoint
failures.py   exit codes and the one typed failure
"""

import gc

if hasattr(gc, "set_threshold"):
    gc.set_threshold(100_000)  # a start-up makes many objects and no garbage

VERSION = "0.2.0"
