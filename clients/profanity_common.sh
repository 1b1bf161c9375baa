# What the scripts that drive Profanity in tmux share: the server's address, and how to type and to see.
# shellcheck shell=bash
# shellcheck disable=SC2034 # whoever reads this file uses what is set here
host=${XMPP_HOST:-localhost}
address=${XMPP_ADDRESS:-127.0.0.1}
port=${XMPP_PORT:-5222}
ca=${XMPP_CA:?"XMPP_CA must name the certificate authority to trust"}
other_ca=${XMPP_OTHER_CA:?"XMPP_OTHER_CA must name an authority that did not sign the certificate"}
seconds=${XMPP_STEP_SECONDS:-20}
password='a long enough secret'
run=$(printf '%04x%04x' "$RANDOM" "$RANDOM")
anna=anna-$run
ben=ben-$run
what=${what:-profanity}

scratch=$(mktemp -d)
trap 'tmux -L "waxwing-$run" kill-server 2>/dev/null || true; rm -rf "$scratch"' EXIT

ok() { echo "ok $what: $1"; }

failed() {
    echo "FAILED $what: $1"
    for who in anna ben desk stranger; do
        screen "$who" 2>/dev/null | grep -v '^ *$' | sed "s/^/    $who | /" || true
    done
    exit 1
}

# start WHO CA: a Profanity of its own, with its own files, that trusts CA.
start() {
    local home=$scratch/$1
    mkdir -p "$home/config/profanity" "$home/data"
    cat >"$home/config/profanity/profrc" <<'RC'
[ui]
splash=false
statuses.console=all
statuses.chat=all
console.roster=all
time.console=off
time.chat=off
time.muc=off
[connection]
autoping=0
reconnect=0
[presence]
autoaway.mode=off
[otr]
log=off
RC
    tmux -L "waxwing-$run" -f /dev/null new-session -d -s "$1" -x 120 -y 40 \
        env -u SSL_CERT_DIR SSL_CERT_FILE="$2" XDG_CONFIG_HOME="$home/config" XDG_DATA_HOME="$home/data" \
        TERM=screen LC_ALL=C.UTF-8 profanity
}

stop() {
    type_line "$1" /quit
    local until=$((SECONDS + seconds))
    while tmux -L "waxwing-$run" has-session -t "$1" 2>/dev/null; do
        if [ "$SECONDS" -ge "$until" ]; then
            failed "$1 quits"
        fi
        sleep 0.1
    done
}

screen() { tmux -L "waxwing-$run" capture-pane -p -t "$1"; }

# type WHO LINE
type_line() {
    tmux -L "waxwing-$run" send-keys -t "$1" -l -- "$2"
    tmux -L "waxwing-$run" send-keys -t "$1" Enter
}

# see WHO PATTERN STEP [LINE]: waits until the screen matches PATTERN; types LINE every second meanwhile.
see() {
    local until=$((SECONDS + seconds)) tick=0
    until screen "$1" | grep -Eq -- "$2"; do
        if [ "$SECONDS" -ge "$until" ]; then
            failed "$3 (no '$2' for $seconds s)"
        fi
        if [ -n "${4:-}" ] && [ $((tick % 10)) -eq 0 ]; then
            type_line "$1" "$4"
        fi
        tick=$((tick + 1))
        sleep 0.1
    done
    if [ -n "$3" ]; then
        ok "$3"
    fi
}

register() {
    type_line "$1" "/register $2 $host port $port tls force"
    see "$1" 'Enter password:' ''
    type_line "$1" "$password"
    see "$1" 'Confirm password:' ''
    type_line "$1" "$password"
    see "$1" 'Registration successful' "registers $1"
    # Profanity 0.13 does not log in on the connection after a registration: it goes on as if it had. Start anew.
    stop "$1"
    start "$1" "$ca"
    see "$1" 'offline' ''
}

connect() {
    type_line "$1" "/connect $2@$host${4:-} server $address port $port tls force"
    see "$1" 'Enter password:' ''
    type_line "$1" "$3"
}

login() {
    connect "$1" "$2" "$password"
    see "$1" "$2@$host/.* logged in successfully" "logs in $1"
}

# shot WHO FILE: the screen as text, if it is wanted.
shot() {
    if [ -n "${WAXWING_SCREEN:-}" ]; then
        screen "$1" | sed "s/-$run//g; s/[[:space:]]*\$//" | cat -s >"$2"
    fi
}

tmux -L "waxwing-$run" -f /dev/null new-session -d -s keeper # the tmux server outlives the clients
