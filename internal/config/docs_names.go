package config

// namesText documents what hosts, ports and names of upstreams look like.
const namesText = `
## Names and addresses

A host name consists of labels of letters, digits, ` + "`-`" + ` and ` + "`_`" + `, with dots between them; a label
neither begins nor ends with ` + "`-`" + `. Upper case and a dot at the end are accepted. IPv6
addresses are in brackets where a port may follow, and may have a zone. Ports are numbers
from 1 to 65535.

| place | what differs |
|---|---|
| ` + "`--betanet.url`" + `, ` + "`url`" + `, ` + "`replicas`" + ` and other URLs | other characters that a URL may have in a host are accepted too; a zone begins with ` + "`%25`" + ` |
| ` + "`--web.listen-address`" + `, ` + "`--web.health-address`" + ` | the same; the host may be missing, the port may be 0 or the name of a service |
| ` + "`probe.allow`" + ` | ` + "`*`" + ` in a name stands for any characters, dots too; no zone; the port may be missing |
| targets that discovery finds | labels of at most 63 bytes, the whole at most 256; no leading zero in a port |
| ` + "`/probe?target=`" + ` | as for discovery, with no zone, and with no host that a program could read as an IPv4 address in another form, such as ` + "`127.1`" + ` or ` + "`0x7f000001`" + `: its last label is not a number |

The name of an upstream has 1 to 200 bytes without control characters and without white space
at its ends; the name of a discovered upstream may be any 1 to 256 bytes of UTF-8. Neither is ` + "`.`" + ` or ` + "`..`" + `, which
would change the path of its page.
`
