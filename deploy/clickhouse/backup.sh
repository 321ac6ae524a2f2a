#!/bin/sh
# Backs up the ClickHouse of Event History, beside running services, and restores it:
#
#   backup.sh full PLACE
#   backup.sh incremental PLACE PREVIOUS
#   backup.sh restore PLACE
#
# A place is Disk('<disk>', '<name>'), or S3('<URL>', '<key id>', '<secret>'). CLICKHOUSE_URL is the address of the HTTP
# interface, CLICKHOUSE_USER and CLICKHOUSE_PASSWORD who asks (default, without a password). A restore needs a ClickHouse
# without Event History's tables, and no service on it.
set -eu

usage() {
    sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//' >&2
    exit 2
}

# Sends the statement on standard input, and prints the answer. The password is no argument: others could read it.
ask() {
    curl --silent --show-error --fail-with-body --config /dev/fd/3 --data-binary @- "$url" 3<<CONFIG
header = "X-ClickHouse-User: ${CLICKHOUSE_USER:-default}"
header = "X-ClickHouse-Key: ${CLICKHOUSE_PASSWORD:-}"
CONFIG
}

[ $# -ge 2 ] || usage
command=$1
place=$2
# A backup may take hours: ClickHouse answers at its end.
url="${CLICKHOUSE_URL:-http://127.0.0.1:8123}/?receive_timeout=86400&max_execution_time=0"
what='ALL EXCEPT DATABASES system, INFORMATION_SCHEMA, information_schema'

case $command in
full)
    [ $# -eq 2 ] || usage
    echo "BACKUP $what TO $place" | ask
    ;;
incremental)
    [ $# -eq 3 ] || usage
    echo "BACKUP $what TO $place SETTINGS base_backup = $3" | ask
    ;;
restore)
    [ $# -eq 2 ] || usage
    found=$(echo "SELECT count() FROM system.tables WHERE database = '_event_history' OR (database = 'default' AND name LIKE 'tenants%')" | ask)
    if [ "$found" != 0 ]; then
        echo "there are tables of Event History already, and a restore overwrites nothing" >&2
        exit 1
    fi
    echo "RESTORE ALL EXCEPT DATABASES system, INFORMATION_SCHEMA, information_schema FROM $place" | ask
    ;;
*)
    usage
    ;;
esac
