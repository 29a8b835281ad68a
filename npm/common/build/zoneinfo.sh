#!/bin/sh
# Writes rootfs/usr/share/zoneinfo from this machine's tzdata (public domain), in the small format that RFC 8536 has since 2018.
# Committed: version 2025b. Afterwards run build/manifest.js.
set -eu
zones="$(dirname "$0")/../rootfs/usr/share/zoneinfo"
rm -rf "$zones"
mkdir -p "$zones"
zic -b slim -d "$zones" /usr/share/zoneinfo/tzdata.zi
cp /usr/share/zoneinfo/zone.tab /usr/share/zoneinfo/zone1970.tab /usr/share/zoneinfo/iso3166.tab "$zones"
