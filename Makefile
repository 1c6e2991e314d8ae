SKILLS := $(wildcard skills/*)
sync:
	@for skill in $(SKILLS); do rm -rf $$skill/scripts/shared && cp -r shared $$skill/scripts/shared && rm -rf $$skill/scripts/shared/__pycache__; done
