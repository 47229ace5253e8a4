//! The examples under each command's `--help`. A test parses every line of them.

/// All of them, for the test.
#[cfg(test)]
pub(super) const ALL: &[&str] = &[
    MATCHBOOK,
    INIT,
    SERVE,
    REALM,
    REALM_CREATE,
    REALM_EVENTS,
    POLICY_CHECK,
    POLICY_SET,
    ESTIMATE,
    USER,
    DEVICE,
    ENROL,
    IMPORT,
    EXPORT,
    SMS_TRACE,
    VERIFY,
    CHALLENGE,
    TOKEN,
    TOKEN_CREATE,
    STORE,
    RESTORE,
    COPY,
    THAW,
    MIGRATE,
    CONFIG,
    DOCTOR,
    CARD,
    CARD_RUN,
    CARD_PERSONALISE,
    CARD_PIN,
    CARD_TAKE,
    SMSC,
    DEMO,
    COMPLETION,
    MAN,
];

pub(super) const MATCHBOOK: &str = "\
Begin here:
  matchbook demo                            see all of it work, with nothing set up
  matchbook init                            set a server up on this machine
  matchbook serve                           run it
  matchbook realm create ship-17            make a name space
  matchbook user create alice -r ship-17    add a person
  matchbook device enrol alice -r ship-17   show a QR code for the person's wallet
  matchbook token create relying-party -r ship-17 --name vpn --out vpn.token
  matchbook verify alice -r ship-17 --token-file vpn.token

Exit codes: 0 yes, 1 failure, 2 usage, 3 not found, 4 sign-in needed, 5 code refused.";

pub(super) const INIT: &str = "\
It makes, and never overwrites:
  the data folder with the database (mode 0700)
  the secrets file (mode 0400): keep a copy of it apart from the backups
  a token for you, the operator (mode 0600)
  the config file, which names them all

Examples:
  matchbook init
  matchbook init --listen 0.0.0.0:8470 --public-url https://codes.example.org
  matchbook init --config /etc/matchbook/config.toml --data /var/lib/matchbook
  matchbook init --database postgres://matchbook@127.0.0.1/matchbook";

pub(super) const SERVE: &str = "\
Ctrl-C or SIGTERM ends it in good order: calls under way are answered first.

Examples:
  matchbook serve
  matchbook serve --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem --log-format json
  matchbook serve --sms sms.toml
  matchbook serve --database postgres://matchbook@127.0.0.1/matchbook
  matchbook serve --log info,matchbook_server=debug";

pub(super) const REALM: &str = "\
Examples:
  matchbook realm create ship-17 --display-name 'MV Aurora'
  matchbook realm list -o json
  matchbook realm policy set ship-17 --digits 8
  matchbook realm events ship-17 --limit 20";

pub(super) const REALM_CREATE: &str = "\
Examples:
  matchbook realm create ship-17
  matchbook realm create clinic --mode next-in-order --digits 8 --threshold 15
  matchbook realm create mine --file policy.toml";

pub(super) const REALM_EVENTS: &str = "\
Examples:
  matchbook realm events ship-17
  matchbook realm events ship-17 --device 00112233aabbccdd --limit 1000 -o json";

pub(super) const POLICY_CHECK: &str = "\
Exit code 0: it can be had. 1: it cannot, and the sentence says why.

Examples:
  matchbook policy check
  matchbook policy check --mode any-unused --digits 8
  matchbook policy check --file policy.toml
  matchbook policy check --realm ship-17 --digits 8   what a change would come to";

pub(super) const POLICY_SET: &str = "\
Examples:
  matchbook realm policy set ship-17 --digits 8 --threshold 20
  matchbook realm policy set ship-17 --file policy.toml";

pub(super) const ESTIMATE: &str = "\
Every kind of device on every bearer, for one user and for all: shared key and public-key mode, by \
SMS in binary and in text, and on HTTPS, which costs no short message. What is assumed stands below.

Examples:
  matchbook estimate --codes-per-month 30 --price 0.04
  matchbook estimate --digits 6 --set 40 --codes-per-month 30 --price 0.04 --users 10000
  matchbook estimate --digits 8 --codes-per-month 100 --price 0.07 --price-mo 0.19 -o json";

pub(super) const USER: &str = "\
Examples:
  matchbook user create alice --realm ship-17
  matchbook user list --realm ship-17
  matchbook user suspend alice --realm ship-17";

pub(super) const DEVICE: &str = "\
Examples:
  matchbook device enrol alice --realm ship-17
  matchbook device import cards.csv --realm ship-17 --dry-run
  matchbook device list --realm ship-17 --user alice
  matchbook device push 00112233aabbccdd --realm ship-17
  matchbook device number 00112233aabbccdd +491701234567 --realm ship-17
  matchbook device revoke 00112233aabbccdd --realm ship-17 --yes";

pub(super) const IMPORT: &str = "\
All rows go live at once, or none: when one cannot be taken, each is told, and nothing is done. The same file may be \
given again; devices that are there already with the same key are left as they are.

A CSV file names its columns in the first line: id,key,user,label. In a PSKC file they are the Id, Secret, UserId and \
FriendlyName of each Key (docs/reference/factory-keys.md).

Examples:
  matchbook device import cards.csv --realm ship-17 --dry-run
  matchbook device import cards.csv --realm ship-17 --create-users
  matchbook device import cards.pskc --realm ship-17 --passphrase-file passphrase -o json
  matchbook device import cards.pskc --realm ship-17 --key-file agreed.key";

pub(super) const EXPORT: &str = "\
The file is encrypted: with a passphrase that is asked for or stands in a file, or with a key of 32 bytes. It holds \
devices that came by `device import` and were never used; a file cannot say how far another one is.

A server lets no key out unless it was started with --allow-key-export yes.

Examples:
  matchbook device export cards.pskc --realm ship-17
  matchbook device export cards.pskc --realm ship-17 --passphrase-file passphrase
  matchbook device export cards.pskc --realm ship-17 --key-file agreed.key --key-name factory-2026";

pub(super) const ENROL: &str = "\
The URI holds the device's secret: it is shown once and works once. On a terminal it comes as a QR code too.

Examples:
  matchbook device enrol alice --realm ship-17 --label phone
  matchbook device enrol alice --realm ship-17 --typed
  matchbook device enrol alice --realm ship-17 --public-key --out alice.uri
  matchbook device enrol alice --realm ship-17 --number +491701234567 --sms-only
  matchbook device enrol alice --realm ship-17 --suite symmetric --valid-for 15m -o json";

pub(super) const SMS_TRACE: &str = "\
Examples:
  matchbook sms trace 00112233aabbccdd --realm ship-17
  matchbook sms trace 00112233aabbccdd --realm ship-17 --limit 20 -o json";

pub(super) const VERIFY: &str = "\
The token has to be a relying party's. The code comes from standard input, or is asked for by its number; it is never \
an argument, where other users could read it. Why a code was refused stands in `matchbook realm events`.

Examples:
  matchbook verify alice --token-file vpn.token
  echo 123456 | matchbook verify alice --code-stdin --token-file vpn.token
  echo 123456 | matchbook verify --device 00112233aabbccdd --code-stdin --source 203.0.113.7";

pub(super) const CHALLENGE: &str = "\
Examples:
  matchbook challenge alice --token-file vpn.token
  matchbook challenge alice --unavailable 17 --token-file vpn.token";

pub(super) const TOKEN: &str = "\
Examples:
  matchbook token create relying-party --realm ship-17 --name vpn --out vpn.token
  matchbook token list
  matchbook token revoke 00112233aabbccdd --yes";

pub(super) const TOKEN_CREATE: &str = "\
Examples:
  matchbook token create relying-party --realm ship-17 --name vpn --out vpn.token
  matchbook token create realm-operator --realm ship-17 --label 'night watch' --valid-for 90d
  matchbook token create operator > second.token";

pub(super) const STORE: &str = "\
Examples:
  matchbook store backup /backup/matchbook-2026-01-31.db
  matchbook store check
  matchbook store copy --from sqlite:/var/lib/matchbook/matchbook.db \\
      --to 'postgres://matchbook@db1.example.org/matchbook'
  matchbook store restore /backup/matchbook-2026-01-31.db --data /var/lib/matchbook-new";

pub(super) const RESTORE: &str = "\
Codes that were spent after the backup was made must not be good again. So all codes are void, and each device gets a \
new set when it calls; until then its codes are refused.

Examples:
  matchbook store restore /backup/matchbook-2026-01-31.db";

pub(super) const COPY: &str = "\
Stop the server on an SQLite store first, or restart it with --read-only; nodes on a PostgreSQL refuse writes by \
themselves. The source is read-only from the first row on and stays so, because two stores that both serve accept each \
code twice. The target is served by nobody before it is whole and all counts are the same. Given again after an \
interruption, the command goes on where it was. The target has the source's tokens and secrets: `matchbook init` is not \
needed there.

Examples:
  matchbook store copy --from sqlite:/var/lib/matchbook/matchbook.db \\
      --to postgres://matchbook@db1.example.org/matchbook --to-password-file /etc/matchbook/db
  matchbook store copy --from postgres://matchbook@db1.example.org/matchbook \\
      --to sqlite:/var/lib/matchbook/back.db";

pub(super) const THAW: &str = "\
A store that was copied stays read-only, because two stores that both serve accept each code twice. So all its codes \
are void when it is written again, after a question on a terminal, or with --void-codes; unless you know that the copy \
never served. Of a copy that was whole, that is believed only with --copy-was-dropped: drop it first, so that no server \
comes upon it later.

Examples:
  matchbook store thaw
  matchbook store thaw --void-codes
  matchbook store thaw --copy-never-served
  matchbook store thaw --copy-never-served --copy-was-dropped";

pub(super) const MIGRATE: &str = "\
Any number of machines may do so at once: one takes the steps, the others wait for it. An SQLite store is brought up to \
date by every start of the server.

Examples:
  matchbook migrate --database postgres://matchbook@db1.example.org/matchbook";

pub(super) const CONFIG: &str = "\
Flags go over MATCHBOOK_* variables, and these over the config file. `config show` lists all keys.

Examples:
  matchbook config show
  matchbook config show --origin -o json";

pub(super) const DOCTOR: &str = "\
Exit code 0: nothing is wrong. 1: something is, and its line says what to do.

Examples:
  matchbook doctor
  matchbook doctor -o json --config /etc/matchbook/config.toml";

pub(super) const SMSC: &str = "\
ESMEs bind to the centre with SMPP 3.4 or 5.0. A submit to a number without --phone or --modem is undeliverable; what a \
phone sends goes to the ESMEs that are bound, in turn. A modem takes AT commands: wallets open it like a serial port. Ctrl-C ends it and prints the sums and the seed; with -o json they are all that is printed on standard output.

Examples:
  matchbook smsc --phone +491700000001
  matchbook smsc --phone +491700000001 --loss 0.2 --duplication 0.05 --delay 200ms --seed 7
  matchbook smsc --modem +491700000001=/tmp/modem   then: wallet listen --modem /tmp/modem
  matchbook smsc --system-id matchbook --password-file esme.password --per-second 20 --receipts text
  matchbook smsc --listen 127.0.0.1:0 --phone 4917 -o json > sums.json";

pub(super) const COMPLETION: &str = "\
Examples:
  matchbook completion bash > /etc/bash_completion.d/matchbook
  matchbook completion zsh > ~/.zfunc/_matchbook
  matchbook completion fish > ~/.config/fish/completions/matchbook.fish";

pub(super) const MAN: &str = "\
Examples:
  matchbook man | man -l -
  matchbook man --out /usr/local/share/man/man1";

pub(super) const DEMO: &str = "\
Examples:
  matchbook demo             a server, five devices, and a table of what was checked
  matchbook demo -o json     the table alone, as JSON
  matchbook demo --keep      the same, and the server goes on for you to try things";

pub(super) const CARD: &str = "\
Cards are reached through PC/SC: apt-get install pcscd, and the program matchbook-reader beside this one. Their messages are carried by `matchbook wallet --bearer card sync`.

Examples:
  matchbook card list
  matchbook card personalise --enrolment enrolment.txt
  matchbook wallet --bearer card sync
  matchbook card take";

pub(super) const CARD_RUN: &str = "\
The virtual reader comes with Debian's vsmartcard-vpcd, and pcscd has to be running.

Examples:
  matchbook card run ship.card
  matchbook card run ship.card --vpcd 127.0.0.1:40705";

pub(super) const CARD_PERSONALISE: &str = "\
The PIN is asked for, or read from --card-pin-file or MATCHBOOK_CARD_PIN. The PUK is printed once: keep it.

Examples:
  matchbook card personalise --enrolment enrolment.txt
  matchbook card personalise --factory-key ship.key --server sms:+4912345678 --realm ship-17
  matchbook card personalise --enrolment card.txt --card-pin-file pin.txt --puk-file puk.txt --yes";

pub(super) const CARD_PIN: &str = "\
Examples:
  matchbook card pin check
  matchbook card pin change
  matchbook card pin unblock --puk-file puk.txt";

pub(super) const CARD_TAKE: &str = "\
Examples:
  matchbook card take
  matchbook card take --code 17
  matchbook card take --reader 'Virtual PCD 00 00' --card-pin-file pin.txt";
