/*
 * The scripts know no command and no option: they ask the program with each press of the tab key. What was typed goes
 * through the environment and not through arguments, which every account of the host sees: it may contain a phone number.
 */

/** What was typed: for bash the line before the cursor, for zsh and fish the words, one a line. */
export const TYPED = 'ORGSYNC_COMPLETE';
/** For bash: the end of the word at the cursor, which the answer replaces. */
export const REPLACED = 'ORGSYNC_COMPLETE_END';
/** The answer where the shell itself knows best: names of files. */
export const FILES = ':files';

const BASH = `# orgsync completion for bash
_orgsync() {
  local answer line
  answer=$(${TYPED}="\${COMP_LINE:0:COMP_POINT}" ${REPLACED}="$2" "$1" completion bash 2>/dev/null)
  COMPREPLY=()
  [ -n "$answer" ] || return 0
  if [ "$answer" = ${FILES} ]; then
    # bash 3 has no compopt.
    compopt -o default 2>/dev/null || while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$2")
    return 0
  fi
  while IFS= read -r line; do COMPREPLY+=("$line"); done <<< "$answer"
}
complete -F _orgsync orgsync`;

const ZSH = `#compdef orgsync
_orgsync() {
  local answer line tab=$'\\t'
  local -a candidates
  answer=$(${TYPED}="\${(pj:\\n:)words[1,CURRENT]}" \${~\${(Q)words[1]}} completion zsh 2>/dev/null)
  [[ -n "$answer" ]] || return 1
  if [[ "$answer" == ${FILES} ]]; then
    [[ "$words[CURRENT]" != --*=* ]] || compset -P '*='
    _files
    return
  fi
  for line in "\${(@f)answer}"; do
    candidates+=("\${\${line%%$tab*}//:/\\\\:}:\${line#*$tab}")
  done
  _describe orgsync candidates -M 'm:{[:lower:][:upper:]}={[:upper:][:lower:]}'
}
# From $fpath the file is itself the first call of the function.
if [ "\${funcstack[1]}" = _orgsync ]; then _orgsync "$@"; else compdef _orgsync orgsync; fi`;

const FISH = `# orgsync completion for fish
function __orgsync_complete
    set -l token (commandline -ct)
    set -l words (commandline -opc)
    set -lx ${TYPED} (string join \\n -- $words "$token" | string collect)
    set -l answer (command $words[1] completion fish 2>/dev/null)
    if test "$answer" = ${FILES}
        set -l option (string match -r -- '^--[^=]+=' "$token")
        for file in (__fish_complete_path (string replace -r -- '^--[^=]+=' '' "$token"))
            printf '%s\\n' "$option$file"
        end
    else
        printf '%s\\n' $answer
    end
end
complete -c orgsync -e
complete -c orgsync -f -a '(__orgsync_complete)'`;

/** The completion script of each shell. */
export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;
