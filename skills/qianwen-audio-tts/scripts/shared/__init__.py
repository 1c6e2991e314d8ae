"""What the five qianwen skills share. Edit this folder only; `make sync` copies it into every skill."""

VERSION = "0.1.0"
