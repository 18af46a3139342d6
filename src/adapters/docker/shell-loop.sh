# Carries commands for the worker. fd 3: what the worker sends; fd 4: what it is told. Both are
# closed for commands, whose standard input is empty. When a command has ended the worker sends a word that nobody could know
# before, and gets it back behind the command's output: everything in front of it is output.
exec 3<&0 4>&2 0</dev/null 2>&1
while IFS= builtin read -r -u 3 devstral_command; do
  devstral_command=$(/usr/bin/base64 -d <<<"$devstral_command"; builtin printf x)
  builtin eval "${devstral_command%x}" 3<&- 4>&-
  devstral_status=$?
  # A function or variable that a command left behind must not stand in for what we call.
  builtin printf '%s %s\n' "$devstral_status" "$(builtin printf %s "$PWD" | /usr/bin/base64 -w 0)" >&4
  IFS= builtin read -r -u 3 devstral_command
  builtin printf '%s' "$devstral_command"
done
