//! Enrolments (§7): the URI and the typed form.

use matchbook_protocol::{AuthenticatorId, Delivery, Enrolment, Party, Profile, Secret, Suite};

use super::craft::ID;
use super::rng::Seeded;
use super::vector::{Vector, hex};

pub(super) fn add(vectors: &mut Vec<Vector>) {
    uris(vectors);
    uri_refusals(vectors);
    typed(vectors);
    typed_refusals(vectors);
}

fn enrolment(suite: Suite, delivery: Delivery) -> Enrolment {
    Enrolment {
        party: Party { id: ID, profile: Profile::new(suite, delivery).unwrap() },
        secret: Secret::new(Seeded::new("activation secret").bytes()),
        server: "https://codes.example/m".into(),
        realm: "acme".into(),
        label: "Zo\u{eb} & co".into(),
    }
}

fn usual() -> Enrolment {
    enrolment(Suite::X25519, Delivery::Shared)
}

fn outputs(vector: Vector, enrolment: &Enrolment) -> Vector {
    vector
        .output("profile", enrolment.party.profile.to_byte())
        .output("id", hex(enrolment.party.id.0))
        .output("activation_secret", hex(enrolment.secret.expose()))
        .output("server", enrolment.server.as_str())
        .output("realm", enrolment.realm.as_str())
        .output("label", enrolment.label.as_str())
}

fn uris(vectors: &mut Vec<Vector>) {
    let by_sms = |server: &str| Enrolment { server: server.into(), ..usual() };
    let bare = Enrolment { server: String::new(), realm: String::new(), label: String::new(), ..usual() };
    for (name, enrolment, title) in [
        ("x25519", usual(), "The usual URI"),
        ("symmetric", enrolment(Suite::Symmetric, Delivery::Shared), "The symmetric suite"),
        ("p256-pk", enrolment(Suite::P256, Delivery::PublicKey), "P-256 in public-key mode"),
        ("bare", bare, "Without server, realm and label"),
        ("sms", by_sms("sms:+4912345678"), "A device without a data bearer: the server is a number"),
        ("sms-short", by_sms("sms:16020"), "A device without a data bearer: the server is a short code"),
    ] {
        let spec = if enrolment.sms_server().is_some() { "§7.1 MB-ENR-7" } else { "§7.1 MB-ENR-3" };
        let vector = Vector::new("enrolment-uri", name, title, spec);
        vectors.push(outputs(vector.input("uri", enrolment.to_uri().as_str()), &enrolment));
    }
    let uri = usual().to_uri();
    let key = uri.split('&').find(|part| part.starts_with("k=")).unwrap();
    let shuffled = format!("MatchBook:enrol?l=Zo%c3%ab%20%26%20co&r=acme&s=https://codes.example/m&{key}&v=1");
    let vector = Vector::new("enrolment-uri", "order", "Another order, and other but valid escapes", "§7.1 MB-ENR-3");
    vectors.push(outputs(vector.input("uri", shuffled), &usual()));
}

fn uri_refusals(vectors: &mut Vec<Vector>) {
    let uri = usual().to_uri().as_str().to_owned();
    let with = |from: &str, to: &str| {
        assert!(uri.contains(from), "{from}");
        uri.replacen(from, to, 1)
    };
    let server = |server: &str| with("https%3A%2F%2Fcodes.example%2Fm", server);
    let xwing = Enrolment { server: "sms:16020".into(), ..enrolment(Suite::XWing, Delivery::Shared) };
    let long_realm = "a".repeat(65);
    let oversized = format!("{uri}{}", "x".repeat(2000));
    for (name, uri, error, title) in [
        ("empty", String::new(), "scheme", "No text at all"),
        ("other-scheme", "otpauth://totp/x?secret=AAAA".into(), "scheme", "Another kind of QR code"),
        ("no-query", "matchbook:enrol".into(), "scheme", "Nothing after the scheme"),
        ("version-2", with("v=1", "v=2"), "version", "Version 2"),
        ("version-01", with("v=1", "v=01"), "version", "Version 01"),
        ("key-version-2", with("k=AQKf", "k=AgKf"), "version", "Version 2 within the key"),
        ("unknown-parameter", format!("{uri}&x=1"), "parameter", "A parameter that nobody knows"),
        ("no-value", format!("{uri}&"), "parameter", "An empty parameter"),
        ("twice", format!("{uri}&r=acme"), "duplicate", "The realm twice"),
        ("missing", with("&r=acme", ""), "missing", "No realm"),
        ("percent", with("Zo%C3%AB", "Zo%C"), "percent", "Half an escape"),
        ("percent-digits", with("%C3", "%G3"), "percent", "An escape that is not hexadecimal"),
        ("utf8", with("%C3%AB", "%C3"), "percent", "Half a character"),
        ("key-short", with("k=AQKf", "k=AQ"), "key", "The key is cut short"),
        ("key-alphabet", with("k=AQKf", "k=AQ+f"), "key", "Plain base64 in the key"),
        ("key-padded", with("&s=", "=&s="), "key", "Padding after the key"),
        ("profile", with("k=AQKf", "k=AYGf"), "profile", "The symmetric suite in public-key mode"),
        ("server", with("https", "ftp"), "server", "A server that is neither an http URL nor a number"),
        ("sms-nobody", server("sms%3A"), "server", "A server by SMS without a number"),
        ("sms-name", server("sms%3AMatchbook"), "server", "A server by SMS that is a name: nobody can send to one"),
        ("sms-long", server("sms%3A%2B1234567890123456"), "server", "A number of 16 digits"),
        ("sms-parameters", server("sms%3A16020%3Fbody%3Dx"), "server", "A number with parameters"),
        ("sms-capitals", server("SMS%3A16020"), "server", "The scheme in capitals"),
        ("sms-x-wing", xwing.to_uri().as_str().into(), "server", "Suite 4 does not travel by SMS"),
        ("realm-long", with("acme", &long_realm), "realm", "A realm of 65 bytes"),
        ("realm-control", with("acme", "ac%00me"), "realm", "A NUL in the realm"),
        ("label-control", with("Zo", "Z%0Ao"), "label", "A line break in the label"),
        ("oversized", oversized, "too-long", "Longer than any URI"),
    ] {
        let spec = if name.starts_with("sms-") { "§7.1 MB-ENR-7" } else { "§7.1 MB-ENR-1" };
        let vector = Vector::new("enrolment-uri", name, title, spec);
        vectors.push(vector.input("uri", uri).fails(error));
    }
}

fn typed_vector(name: &str, title: &'static str, spec: &'static str, groups: Vec<String>) -> Vector {
    let vector = Vector::new("enrolment-typed", name, title, spec).input("groups", groups);
    let usual = usual();
    vector.input("server", usual.server).input("realm", usual.realm).input("label", usual.label)
}

fn typed(vectors: &mut Vec<Vector>) {
    let groups = usual().to_typed().to_vec();
    let vector = typed_vector("plain", "The groups as they are printed", "§7.1 MB-ENR-3", groups.clone());
    vectors.push(outputs(vector, &usual()));
    let sloppy = groups.iter().map(|group| group.to_lowercase().replace('0', "o").replace('1', "l").replace('-', ""));
    let sloppy: Vec<String> = sloppy.map(|group| format!(" {}-{}", &group[..2], &group[2..])).collect();
    let vector = typed_vector("sloppy", "Lower case, dashes, spaces, O for 0 and L for 1", "§7.1 MB-ENR-3", sloppy);
    vectors.push(outputs(vector, &usual()));
    // Check symbols above 31 are * ~ $ = U: an identification code that brings each of them up.
    for symbol in ['*', '~', '$', '=', 'U'] {
        let enrolment = (0_u64..)
            .map(|number| Enrolment {
                party: Party { id: AuthenticatorId(number.to_be_bytes()), ..usual().party },
                ..usual()
            })
            .find(|enrolment| enrolment.to_typed().iter().any(|group| group.ends_with(symbol)));
        let enrolment = enrolment.unwrap();
        let name = format!("check-{:02x}", u32::from(symbol));
        let groups = enrolment.to_typed().to_vec();
        let vector = typed_vector(&name, "A check symbol that is not in the alphabet", "§7.1 MB-ENR-2", groups);
        vectors.push(outputs(vector, &enrolment));
    }
}

fn typed_refusals(vectors: &mut Vec<Vector>) {
    let groups = usual().to_typed().to_vec();
    let with = |number: usize, group: String| {
        let mut groups = groups.clone();
        groups[number - 1] = group;
        groups
    };
    let fourth: Vec<char> = groups[3].chars().collect();
    let swapped: String = [fourth[1], fourth[0]].into_iter().chain(fourth[2..].iter().copied()).collect();
    assert_ne!(fourth[0], fourth[1]);
    let next = |symbol: char| if symbol == '7' { '8' } else { '7' };
    let wrong_symbol = format!("{}{}", &groups[1][..4], next(fifth(&groups[1]))) + &groups[1][5..];
    let wrong_check = format!("{}{}", &groups[4][..5], next(groups[4].chars().nth(5).unwrap()));
    for (name, number, groups, title) in [
        ("symbol", 2_u32, with(2, wrong_symbol), "A wrong symbol"),
        ("swapped", 4, with(4, swapped), "Two symbols swapped"),
        ("check", 5, with(5, wrong_check), "A wrong check symbol"),
        ("alphabet", 6, with(6, "ABCDU0".into()), "A symbol that base-32 does not have"),
        ("short-group", 7, with(7, groups[6][..5].to_owned()), "A group without its check symbol"),
        ("long-group", 8, with(8, format!("{}0", groups[7])), "A group with one symbol too many"),
        ("empty-group", 9, with(9, String::new()), "An empty group"),
        ("padding", 9, with(9, "011".into()), "A bit after the last byte is set"),
    ] {
        let vector = typed_vector(name, title, "§7.1 MB-ENR-2", groups).fails("group");
        vectors.push(vector.output("group", number));
    }
    let vector = typed_vector("missing-group", "A group is missing", "§7.1 MB-ENR-2", groups[..8].to_vec());
    vectors.push(vector.fails("group-count"));
    // The first group begins with the version: 2 instead of 1, with the right check symbol.
    let first = usual().to_typed()[0].clone();
    vectors.push(
        typed_vector("version-2", "Version 2", "§7.1 MB-ENR-2", with(1, second_version(&first))).fails("version"),
    );
}

fn fifth(group: &str) -> char {
    group.chars().nth(4).unwrap()
}

/// The first group with version 2 instead of 1: the group's first byte is the version, so its value grows by 2^17.
fn second_version(group: &str) -> String {
    const SYMBOLS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";
    let value = |symbol| SYMBOLS.chars().position(|known| known == symbol).unwrap();
    let number = group.chars().take(5).fold(0, |number, symbol| number << 5 | value(symbol)) + (1 << 17);
    let symbol = |value: usize| SYMBOLS.chars().nth(value).unwrap();
    let digits = [20, 15, 10, 5, 0].map(|shift| symbol(number >> shift & 31));
    digits.into_iter().chain([symbol(number % 37)]).collect()
}
