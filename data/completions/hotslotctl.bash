# What hotslotctl may be told, for bash.

_hotslotctl_functions() {
  hotslotctl "${connection[@]}" --timeout 1 list 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_hotslotctl() {
  # Not COMP_WORDS, in which an address is several.
  local words line=${COMP_LINE:0:COMP_POINT}
  read -ra words <<<"$line"
  [[ $line != *[[:space:]] ]] || words+=("")
  local last=$((${#words[@]} - 1))
  local word=${words[last]} before=${words[last - 1]}
  local commands="list stats watch call drain recycle reload help"
  local options="--admin --token-file --cacert --cert --key --timeout --json -h --help --version"
  local orders="need errors waiting starting running idle busy validating resetting pinged resource_waiters acquired timed_out cancelled shed
    shed_overloaded shed_late failed launched launch_failed detached_slots leaked"
  local command= function= connection=() i
  for ((i = 1; i < last; ++i)); do
    case ${words[i]} in
    --admin | --token-file | --cacert | --cert | --key)
      ((i + 1 == last)) || connection+=("${words[i]}" "${words[i + 1]}")
      ((++i))
      ;;
    --admin=* | --token-file=* | --cacert=* | --cert=* | --key=*) connection+=("${words[i]}") ;;
    --timeout | --interval | --by | --match | -d | --data | -H | --header) ((++i)) ;;
    -*) ;;
    *) if [[ -z $command ]]; then command=${words[i]}; else function=${words[i]}; fi ;;
    esac
  done

  COMPREPLY=()
  case $before in
  --token-file | --cacert | --cert | --key)
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    return
    ;;
  --by)
    mapfile -t COMPREPLY < <(compgen -W "$orders" -- "$word")
    return
    ;;
  --admin | --timeout | --interval | --match | -d | --data | -H | --header) return ;;
  esac

  case $command in
  list) options+=" --by --match" ;;
  watch) options+=" --interval --by --match" ;;
  call) options+=" -d --data -H --header -i --include" ;;
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  elif [[ -z $command || $command == help ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
  elif [[ -z $function && " stats call recycle " == *" $command "* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_hotslotctl_functions)" -- "$word")
  fi
}

complete -F _hotslotctl hotslotctl
