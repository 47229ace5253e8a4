use super::{arguments_of, commands_in, shell_commands};

#[test]
fn only_shell_blocks_hold_commands() {
    let page = "```sh\nmatchbook a \\\n  --b\nls\n```\n```json\nmatchbook c\n```\n```sh tour\nmatchbook d\n```\n";
    let commands: Vec<String> = shell_commands(page).into_iter().map(|(_, command)| command).collect();
    assert_eq!(commands, ["matchbook a --b", "ls", "matchbook d"]);
}

#[test]
fn a_command_ends_where_the_shell_goes_on() {
    let words = |command| arguments_of(command).unwrap().join(" ");
    assert_eq!(words("matchbook serve --config x &"), "serve --config x");
    assert_eq!(words("code=$(matchbook wallet take --quiet)"), "wallet take --quiet");
    assert_eq!(words("matchbook device list -o json | jq . # all"), "device list -o json");
    assert!(arguments_of("cargo run --release -- demo").is_none());
    assert!(arguments_of("echo a matchbook is small").is_none());
}

#[test]
fn a_help_page_lists_its_commands() {
    let page = "Talk.\n\nCommands:\n  serve  Runs\n  wallet Holds\n         more\n\nOptions:\n  -h, --help\n";
    assert_eq!(commands_in(page), ["serve", "wallet"]);
}
