#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_device::Wallet;
use matchbook_device::protocol::{AuthenticatorId, Delivery, Enrolment, Handle, Party, Profile, Secret, Suite};
use matchbook_device::vault::MemoryVault;

use super::account::choose;
use super::args::One;
use super::typed::ask_groups;
use crate::exit::ExitCode;

fn enrolment(number: u8, label: &str) -> Enrolment {
    Enrolment {
        party: Party {
            id: AuthenticatorId([number; 8]),
            profile: Profile::new(Suite::X25519, Delivery::Shared).unwrap(),
        },
        secret: Secret::new([number; 16]),
        server: "https://codes.example.org".to_owned(),
        realm: "main".to_owned(),
        label: label.to_owned(),
    }
}

fn wallet(labels: &[&str]) -> Wallet<MemoryVault> {
    let mut wallet = Wallet::open(MemoryVault::new()).unwrap();
    for (number, label) in (1..).zip(labels) {
        wallet.enrol(&enrolment(number, label)).unwrap();
    }
    wallet
}

fn chosen(wallet: &Wallet<MemoryVault>, account: Option<&str>) -> Result<Handle, ExitCode> {
    choose(wallet, &One { account: account.map(str::to_owned) }).map_err(|error| error.exit)
}

#[test]
fn the_only_account_needs_no_name() {
    assert_eq!(chosen(&wallet(&["phone"]), None), Ok(Handle(0)));
    assert_eq!(chosen(&wallet(&[]), None), Err(ExitCode::NotFound));
    assert_eq!(chosen(&wallet(&["phone", "tablet"]), None), Err(ExitCode::Usage));
}

#[test]
fn an_account_is_named_by_number_label_or_identification_code() {
    let wallet = wallet(&["phone", "tablet", "twin", "twin"]);
    for name in ["1", "tablet", "0202020202020202"] {
        assert_eq!(chosen(&wallet, Some(name)), Ok(Handle(1)), "{name}");
    }
    assert_eq!(chosen(&wallet, Some("radio")), Err(ExitCode::NotFound));
    assert_eq!(chosen(&wallet, Some("twin")), Err(ExitCode::Usage));
    assert_eq!(chosen(&wallet, Some("3")), Ok(Handle(3)));
}

#[test]
fn a_mistyped_group_is_asked_for_again_and_named() {
    let groups = enrolment(1, "phone").to_typed();
    let mut typed: Vec<String> = groups.iter().map(|group| group.to_lowercase()).collect();
    // A slip in the third group and an empty sixth one.
    typed.insert(5, String::new());
    typed.insert(2, "zzzzz0".to_owned());
    let input = typed.join("\n") + "\n";
    let mut output = Vec::new();
    let read = ask_groups(&mut input.as_bytes(), &mut output).unwrap();
    let normalised: Vec<String> = read.iter().map(|group| group.to_uppercase()).collect();
    assert_eq!(normalised, *groups);
    let output = String::from_utf8(output).unwrap();
    assert_eq!(output.matches("mistyped").count(), 2, "{output}");
    assert!(output.contains("Group 3 is mistyped") && output.contains("Group 6 is mistyped"), "{output}");
}

#[test]
fn an_input_that_ends_early_stores_nothing_and_says_so() {
    let error = ask_groups(&mut "".as_bytes(), &mut Vec::new()).unwrap_err();
    assert!(error.message.contains("nothing was stored"), "{error}");
}

/// Every example under a `--help` has to be a line that the parser takes.
#[test]
fn the_examples_parse() {
    use clap::CommandFactory;
    let cli = crate::args::Cli::command();
    let wallet = cli.find_subcommand("wallet").unwrap();
    let commands = std::iter::once(wallet).chain(wallet.get_subcommands());
    let mut parsed = 0;
    for command in commands {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in text.lines().skip(1) {
            let words = line.split_whitespace().map(|word| word.trim_matches('\''));
            let matches = crate::args::Cli::command().try_get_matches_from(words);
            assert!(matches.is_ok(), "{line}: {}", matches.unwrap_err());
            parsed += 1;
        }
    }
    assert!(parsed > 20);
}

/// The page of the command line is written by hand: this holds it to the flags of short messages.
#[test]
fn the_reference_has_every_flag_of_short_messages() {
    use clap::CommandFactory;
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/cli.md")).unwrap();
    let section = page.split("## Short messages").nth(1).unwrap().split("\n## ").next().unwrap();
    let cli = crate::args::Cli::command();
    let request = cli.find_subcommand("wallet").unwrap().find_subcommand("request").unwrap();
    let flags: Vec<_> = request.get_arguments().filter(|flag| flag.get_help_heading() == Some("SMS")).collect();
    assert_eq!(flags.len(), section.lines().filter(|line| line.starts_with("| `--")).count());
    for flag in flags {
        let value = flag.get_action().takes_values().then(|| format!(" {}", flag.get_value_names().unwrap()[0]));
        let row = format!("| `--{}{}` | ", flag.get_long().unwrap(), value.unwrap_or_default());
        let line = section.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("no row {row}"));
        assert!(line.ends_with(&format!(" | {} |", flag.get_help().unwrap())), "{line}");
        for default in flag.get_default_values().iter().filter(|_| flag.get_action().takes_values()) {
            assert!(line.starts_with(&format!("{row}`{}` |", default.to_str().unwrap())), "{line}");
        }
    }
}
