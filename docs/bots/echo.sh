#!/bin/sh
# A bot that sends back what people write to it. It needs jq, and a dione that
# runs on the profile of the bot, which DIONE_HOME names.
dione tail --json | while IFS= read -r line; do
	field() { printf '%s\n' "$line" | jq -r "$1"; }
	from=$(field .from)
	# A bot that answers in a room, where other bots are, may never end.
	[ "$(field .kind)" = message ] && [ "$(field .conversation)" = "$from" ] || continue
	field .text | dione send "$from" --wait queued >/dev/null
done
