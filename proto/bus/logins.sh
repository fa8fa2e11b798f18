# Sourced by the NATS nodes of docker-compose.yml: sets the passwords that nats.conf reads.
# The first node that starts draws those that the environment does not give, and keeps each
# in a file USER of "USER:PASSWORD". The folders are volumes: of a service's own folder
# nobody but NATS and that service sees anything, and the services read it with --nats-login.
#
#   LOGINS=/logins NODE=nats-1 . logins.sh

# login FOLDER USER [PASSWORD]: sets $password. A given one replaces the file's.
login() {
  file=$1/$2
  if [ -n "$3" ] || [ ! -s "$file" ]; then
    # A letter first: the server reads passwords as values of its configuration.
    password=${3:-p$(head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n')}
    [ -n "$3" ] || [ ${#password} -eq 49 ] || { echo "cannot draw a password" >&2; exit 1; }
    mkdir -p "$1"
    printf '%s:%s\n' "$2" "$password" >"$file.$NODE"
    chmod 0444 "$file.$NODE"
    if [ -n "$3" ]; then mv -f "$file.$NODE" "$file"; else
      ln "$file.$NODE" "$file" 2>/dev/null || true # another node was first
      rm -f "$file.$NODE"
    fi
  fi
  password=$(cut -d: -f2- "$file")
  [ -n "$password" ] || { echo "$file holds no password: remove it" >&2; exit 1; }
}

login "$LOGINS/gateway" gateway "$NATS_GATEWAY_PASSWORD"; export NATS_GATEWAY_PASSWORD="$password"
login "$LOGINS/roomsvc" roomsvc "$NATS_ROOMSVC_PASSWORD"; export NATS_ROOMSVC_PASSWORD="$password"
login "$LOGINS/nats" backend "$NATS_BACKEND_PASSWORD"; export NATS_BACKEND_PASSWORD="$password"
login "$LOGINS/nats" route "$NATS_ROUTE_PASSWORD"; export NATS_ROUTE_PASSWORD="$password"
