# Carries commands for the worker. fd 3: what the worker sends; fd 4: what it is told; both are closed for commands, whose
# standard input is empty. When a command has ended the worker sends a word that nobody could know before, and gets it back
# behind the command's output: everything in front of it is output.
exec 3<&0 4>&2 0</dev/null 2>&1
while IFS= read -r -u 3 devstral_command; do
  devstral_command=$(base64 -d <<<"$devstral_command"; printf x)
  eval "${devstral_command%x}" 3<&- 4>&-
  printf '%s %s\n' "$?" "$(printf %s "$PWD" | base64 -w 0)" >&4
  IFS= read -r -u 3 devstral_command
  printf '%s' "$devstral_command"
done
