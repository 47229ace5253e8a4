//! Every key, its range, and the page that describes it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tempfile::TempDir;

use super::*;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/sms-config.md"));

const CENTRE: &str = "number = \"16020\"\n[[centre]]\nname = \"north\"\naddress = \"h:2775\"\nsystem_id = \"m\"\n";
const GATEWAY: &str = "number = \"16020\"\n[[gateway]]\nname = \"web\"\nkind = \"generic\"\nurl = \"http://h/\"\n";
const SECRET: &str = "secret = \"0123456789abcdef\"\n";

fn read(text: &str) -> Result<SmsConfig, SmsConfigError> {
    SmsConfig::from_toml(text, Path::new("/nowhere"))
}

/// The sentence of a refusal.
fn refusal(text: &str) -> String {
    read(text).map(|_| ()).expect_err(text).to_string()
}

fn with_password(more: &str) -> String {
    format!("{CENTRE}password = \"p\"\n{more}\n")
}

fn smpp(config: &SmsConfig) -> &SmppConfig {
    match &config.routes[0].kind {
        RouteKind::Smpp(smpp) => smpp,
        RouteKind::Gateway(_) => panic!("it is a gateway"),
    }
}

#[test]
fn what_is_not_said_has_its_default() {
    let config = read(&with_password("")).unwrap();
    assert_eq!((config.number.to_string(), config.validity), ("16020".to_owned(), Duration::from_secs(86_400)));
    assert_eq!(config.caps, SmsCaps::default());
    let route = &config.routes[0];
    assert_eq!((route.form, route.window, route.per_second, route.receipts), (Form::Binary, 10, 100, true));
    assert!(route.prefixes.is_empty());
    let smpp = smpp(&config);
    assert_eq!((smpp.version, smpp.enquire_link), (SmppVersion::V3_4, Duration::from_secs(30)));
    assert!(matches!((&smpp.tls, smpp.message_ids), (Tls::Off, MessageIds::Same)));
}

#[test]
fn ways_out_stay_in_the_order_of_the_file() {
    let centre = |name: &str| with_password("").replace("north", name).replace("number = \"16020\"\n", "");
    let gateway = format!("{GATEWAY}{SECRET}").replace("number = \"16020\"\n", "");
    let text = format!("number = \"16020\"\n{}{gateway}{}", centre("b"), centre("a"));
    assert_eq!(read(&text).unwrap().names().collect::<Vec<_>>(), ["b", "web", "a"]);
    let twice = format!("number = \"16020\"\n{}{}", centre("a"), centre("a"));
    assert_eq!(refusal(&twice), "name = \"a\": is there twice; names are unique");
}

#[test]
fn a_number_out_of_its_range_is_refused_with_the_range() {
    for (key, least, most) in [("window", 1, 1_000), ("per_second", 1, 10_000), ("enquire_link_s", 5, 600)] {
        for good in [least, most] {
            read(&with_password(&format!("{key} = {good}"))).unwrap();
        }
        for bad in [least - 1, most + 1, -1, i64::MAX] {
            let sentence = refusal(&with_password(&format!("{key} = {bad}")));
            let begin = format!("centre \"north\": {key}: is {least} to {most} (default ");
            assert!(sentence.starts_with(&begin) && sentence.ends_with(&format!("not {bad}")), "{sentence}");
        }
    }
    for (key, most) in [
        ("messages_per_device", 1_000_000_000_i64),
        ("messages_per_prefix", 1_000_000_000),
        ("messages_per_realm", 1_000_000_000),
        ("prefix_digits", 15),
        ("alarm_percent", 100),
    ] {
        let caps = |value: i64| format!("{}[caps]\n{key} = {value}\n", with_password(""));
        read(&caps(1)).unwrap();
        read(&caps(most)).unwrap();
        assert!(refusal(&caps(0)).starts_with(&format!("[caps] {key}: is 1 to {most}")), "{key}");
        assert!(refusal(&caps(most + 1)).contains(key), "{key}");
    }
    let hours = |value: i64| format!("validity_hours = {value}\n{}", with_password(""));
    assert_eq!(read(&hours(72)).unwrap().validity, Duration::from_secs(72 * 3_600));
    assert_eq!(refusal(&hours(73)), "validity_hours: is 1 to 72 (default 24), not 73");
}

#[test]
fn a_text_that_does_not_fit_is_refused_with_what_does() {
    let centre = with_password("");
    for (from, to, word) in [
        ("name = \"north\"", "name = \"North\"", "[[centre]] name: is 1 to 32 of a-z"),
        ("name = \"north\"", "name = \"\"", "[[centre]] name"),
        ("number = \"16020\"", "number = \"Bank\"", "nobody can answer a name"),
        ("number = \"16020\"", "number = \"+1234567890123456\"", "at most 15 digits"),
        ("number = \"16020\"", "number = \"\"", "number: the number is empty"),
        ("h:2775", "h", "address: is a host and a port"),
        ("h:2775", "h:0", "address"),
        ("h:2775", "h:70000", "address"),
        ("h:2775", ":2775", "address"),
        ("h:2775", "a b:2775", "address"),
        ("h:2775", "[::z]:2775", "address"),
        ("system_id = \"m\"", "system_id = \"\"", "system_id: has 1 to 15 printable"),
        ("system_id = \"m\"", "system_id = \"1234567890123456\"", "system_id"),
        ("password = \"p\"", "password = \"123456789\"", "password: has 0 to 8 printable"),
        ("password = \"p\"", "", "password: or password_file is needed"),
        ("password = \"p\"", "password = \"p\"\npassword_file = \"p\"", "exclude each other"),
        ("password = \"p\"", "password = \"p\"\nsystem_type = \"1234567890123\"", "system_type: has 0 to 12"),
        ("password = \"p\"", "password = \"p\"\nversion = \"3.3\"", "version: is \"3.4\" or \"5.0\""),
        ("password = \"p\"", "password = \"p\"\nform = \"hex\"", "form: is \"binary\" or \"text\""),
        ("password = \"p\"", "password = \"p\"\nmessage_ids = \"x\"", "message_ids: is \"same\""),
        ("password = \"p\"", "password = \"p\"\nca_file = \"x\"", "ca_file: needs tls = true"),
        ("password = \"p\"", "password = \"p\"\nprefixes = [\"+\"]", "prefixes: is a list"),
        ("password = \"p\"", "password = \"p\"\nprefixes = [\"+49x\"]", "prefixes: is a list"),
        ("password = \"p\"", "password = \"p\"\nprefixes = [\"+1234567890123456\"]", "prefixes: is a list"),
    ] {
        assert!(centre.contains(from));
        let sentence = refusal(&centre.replace(from, to));
        assert!(sentence.contains(word), "{to}: {sentence}");
    }
    assert!(refusal("number = \"16020\"").contains("1 to 32 tables [[centre]] or [[gateway]]"));
    read(&centre.replace("h:2775", "[::1]:2775")).unwrap();
}

#[test]
fn a_gateway_that_does_not_fit_is_refused_with_what_does() {
    let good = format!("{GATEWAY}{SECRET}");
    read(&good).unwrap();
    for (from, to, word) in [
        ("kind = \"generic\"", "kind = \"fax\"", "kind: is \"kannel\" or \"generic\""),
        ("http://h/", "ftp://h/", "url: is a URL that begins with http://"),
        ("http://h/", "http://", "url: is a URL"),
        ("http://h/", "http://h/?a=b", "url: is without a query"),
        ("secret = \"0123456789abcdef\"", "", "secret: or secret_file is needed"),
        ("0123456789abcdef", "short", "secret: has 16 to 128"),
        ("0123456789abcdef", "0123456789abcde/", "secret: has 16 to 128"),
        (SECRET, "secret = \"0123456789abcdef\"\nuser = \"u\"", "password: or password_file is needed beside user"),
        (SECRET, "secret = \"0123456789abcdef\"\npassword = \"u\"", "user: is needed beside password"),
        (SECRET, "secret = \"0123456789abcdef\"\nbody = \"xml\"", "body: is \"json\" or \"form\""),
        (SECRET, "secret = \"0123456789abcdef\"\ncallback_url = \"h\"", "callback_url: is a URL"),
        ("kind = \"generic\"", "kind = \"kannel\"", "user: and password are needed for Kannel"),
        ("kind = \"generic\"", "kind = \"kannel\"\nbody = \"json\"", "body: is only for kind"),
        ("kind = \"generic\"", "kind = \"kannel\"\nuser = \"u\"\npassword = \"p\"", "callback_url: is where Kannel"),
    ] {
        assert!(good.contains(from));
        let sentence = refusal(&good.replace(from, to));
        assert!(sentence.contains(word), "{to}: {sentence}");
    }
}

#[test]
fn a_mistake_in_the_toml_is_named_by_line_and_never_shown() {
    for (text, word) in [
        (with_password("colour = \"red\""), "line 7: unknown field `colour`"),
        (format!("{CENTRE}password = 31415926\n"), "line 6: it must stand in quotes"),
        (format!("{CENTRE}password = 3.1415926\n"), "line 6: it must stand in quotes"),
        (format!("{CENTRE}password = [\"31415926\"]\n"), "line 6:"),
        (format!("{CENTRE}password = \"31415926\n"), "line 6:"),
        (format!("{CENTRE}password = 31415926x\n"), "line 6:"),
        (format!("{CENTRE}password = \"31415926\"\npassword = \"31415926\"\n"), "line 7: duplicate key"),
        ("number = 16020\n".to_owned(), "line 1: invalid type"),
    ] {
        let sentence = refusal(&text);
        assert!(sentence.contains(word), "{sentence}");
        assert!(!sentence.contains("1415926"), "{sentence}");
    }
}

#[test]
fn files_are_read_beside_the_file_and_only_when_nobody_else_can() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("north.password");
    fs::write(&path, "fromfile\r\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let text = format!("{CENTRE}password_file = \"north.password\"\n");
    let config = SmsConfig::from_toml(&text, folder.path()).unwrap();
    assert_eq!(smpp(&config).password.expose(), "fromfile");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
    let sentence = SmsConfig::from_toml(&text, folder.path()).unwrap_err().to_string();
    assert!(sentence.contains("password_file") && sentence.contains("chmod 0400"), "{sentence}");
    let sentence = refusal(&text);
    assert!(
        sentence.starts_with("centre \"north\": password_file: /nowhere/north.password cannot be used"),
        "{sentence}"
    );
    fs::write(folder.path().join("ca.pem"), "no certificate").unwrap();
    let text = with_password("tls = true\nca_file = \"ca.pem\"");
    let sentence = SmsConfig::from_toml(&text, folder.path()).unwrap_err().to_string();
    assert!(sentence.contains("ca_file") && sentence.contains("no PEM certificate"), "{sentence}");
}

#[test]
fn nothing_prints_a_password() {
    let text = format!(
        "{}{}",
        with_password("").replace("\"p\"", "\"PASSWORD\""),
        format!("{GATEWAY}{SECRET}user = \"u\"\npassword = \"PASSWORD\"\n")
            .replace("number = \"16020\"\n", "")
            .replace("0123456789abcdef", "0123456789PASSWORD")
    );
    let shown = format!("{:?}", read(&text).unwrap());
    assert!(shown.contains("north") && !shown.contains("PASSWORD"), "{shown}");
}

/// The files that the page's examples name.
fn folder_of_the_page() -> TempDir {
    let folder = TempDir::new().unwrap();
    let authority = rcgen::generate_simple_self_signed(["sms.example.org".to_owned()]).unwrap();
    for (name, text) in [
        ("north.password", "s3cret".to_owned()),
        ("provider.password", "s3cret".to_owned()),
        ("provider.secret", "b0b5f2b4c0d94e7c8a1e".to_owned()),
        ("provider.pem", authority.cert.pem()),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    folder
}

#[test]
fn the_pages_examples_are_read() {
    let folder = folder_of_the_page();
    let examples: Vec<&str> = PAGE.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 6);
    for example in examples {
        // Some show only a part of the file.
        let number = if example.contains("number =") { "" } else { "number = \"16020\"\n" };
        let centre = if example.contains("[[") { "" } else { &with_password("").replace("number = \"16020\"\n", "") };
        let text = format!("{number}{example}\n{centre}");
        SmsConfig::from_toml(&text, folder.path()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    }
}

#[test]
fn every_key_is_on_the_page_and_every_key_of_the_page_is_one() {
    let table = |heading: &str| {
        let part = PAGE.split("\n## ").find(|part| part.starts_with(heading)).expect(heading);
        let part = part.split("\n### ").next().unwrap();
        let rows = part.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        rows.map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
    };
    // What the parser says it expects is what it knows.
    let known = |text: &str| {
        let sentence = refusal(text);
        let list = sentence.split_once("expected one of ").expect(&sentence).1;
        list.split(", ").map(|key| key.trim_matches('`').to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    let all = table("Keys of every way out");
    let mut file = known("strange = 1\n");
    for table in ["caps", "centre", "gateway"] {
        assert!(file.remove(table), "{table}");
    }
    assert_eq!(table("The file itself"), file);
    assert_eq!(table("`[caps]`"), known(&format!("{}[caps]\nstrange = 1\n", with_password(""))));
    let centre = table("`[[centre]]`").union(&all).cloned().collect();
    assert_eq!(known(&with_password("strange = 1")), centre);
    let gateway = table("`[[gateway]]`").union(&all).cloned().collect();
    assert_eq!(known(&format!("{GATEWAY}{SECRET}strange = 1\n")), gateway);
}
