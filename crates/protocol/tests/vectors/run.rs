//! What a vector of each kind asks for.

use data_encoding::HEXLOWER;
use matchbook_protocol::{
    Alphabet, AuthenticatorId, Code, CodeFormat, CodeIndex, CodeSet, Downlink, Enrolment, EnrolmentError, Epoch,
    EpochKeys, Handle, KeyPair, Party, Profile, Reason, Secret, UnverifiedDownlink, UnverifiedUplink, Uplink,
    activation_key, compress_downlink, compress_uplink, expand_downlink, expand_uplink, pack, split_sequence, unpack,
};
use serde_json::{Value, json};

/// A refusal: the error's stable name, and what it says besides.
pub(crate) struct Refusal {
    pub(crate) name: &'static str,
    pub(crate) output: Value,
}

type Outcome = Result<Value, Refusal>;

/// Runs one vector.
pub(crate) fn run(kind: &str, input: &Value) -> Outcome {
    match kind {
        "key-schedule" => key_schedule(input),
        "pack" => pack_codes(input),
        "unpack" => unpack_codes(input),
        "code-parse" => parse_code(input),
        "open-downlink" => open_downlink(input),
        "open-uplink" => open_uplink(input),
        "expand" => expand(input),
        "compress" => compress(input),
        "sequence" => sequence(input),
        "enrolment-uri" => enrolment_uri(input),
        "enrolment-typed" => enrolment_typed(input),
        _ => panic!("unknown kind {kind}"),
    }
}

/// A refusal of any of the crate's errors.
macro_rules! refused {
    () => {
        |error| Refusal { name: error.name(), output: Value::Null }
    };
}

fn key_schedule(input: &Value) -> Outcome {
    let byte = u8::try_from(number(input, "profile")).unwrap();
    let profile = Profile::from_byte(byte).map_err(|_| Refusal { name: "profile", output: Value::Null })?;
    let party = Party { id: id(input), profile };
    let (key, activated) = match input.get("activation_secret") {
        Some(_) => (activation_key(&Secret::from_slice(&bytes(input, "activation_secret")).unwrap(), &party), true),
        None => (Secret::from_slice(&bytes(input, "key")).unwrap(), false),
    };
    let bare = EpochKeys::derive(&key, &party, epoch(input)).expose_for_oracle();
    let mut output = json!({
        "downlink": hex(&bare.downlink), "uplink": hex(&bare.uplink), "psk": hex(&bare.psk),
        "hedge_downlink": hex(&bare.hedge_downlink), "hedge_uplink": hex(&bare.hedge_uplink),
    });
    if activated {
        output["key"] = hex(key.expose());
    }
    Ok(output)
}

fn pack_codes(input: &Value) -> Outcome {
    let format = format(input)?;
    let codes = texts(input, "codes").iter().map(|text| Code::parse(format, text).unwrap()).collect();
    let set = CodeSet::new(CodeIndex(1), format, false, codes).map_err(refused!())?;
    Ok(json!({ "packed": hex(&pack(&set)) }))
}

fn unpack_codes(input: &Value) -> Outcome {
    let count = usize::try_from(number(input, "count")).unwrap();
    let codes = unpack(format(input)?, count, &bytes(input, "packed")).map_err(refused!())?;
    Ok(json!({ "codes": revealed(&codes) }))
}

fn parse_code(input: &Value) -> Outcome {
    let code = Code::parse(format(input)?, text(input, "text")).map_err(refused!())?;
    Ok(json!({ "code": *code.reveal() }))
}

fn open_downlink(input: &Value) -> Outcome {
    let keys = keys(input);
    let handle = Handle(u8::try_from(number(input, "handle")).unwrap());
    let suite = keys.party().profile.suite();
    let pair = input.get("key_pair").map(|_| KeyPair::from_secret_bytes(suite, &bytes(input, "key_pair")).unwrap());
    let message = bytes(input, "message");
    let message = UnverifiedDownlink::decode(&message).map_err(refused!())?;
    let message = message.for_handle(handle).map_err(refused!())?;
    Ok(match keys.open_downlink(&message, pair.as_ref()).map_err(refused!())? {
        Downlink::Set(set) => json!({
            "type": "set", "first": set.first.0, "alphabet": alphabet_name(set.format.alphabet()),
            "digits": set.format.digits(), "reset": set.reset, "codes": revealed(set.codes()),
        }),
        Downlink::Rotation { next, key } => {
            json!({ "type": "rotation", "next_epoch": next.0, "next_key": hex(key.expose()) })
        }
        Downlink::Sync { sequence, sync } => json!({
            "type": "sync", "sequence": sequence, "last_request": sync.last_request, "rotate": sync.rotate,
            "suspended": sync.suspended, "threshold": sync.threshold,
        }),
    })
}

fn open_uplink(input: &Value) -> Outcome {
    let message = bytes(input, "message");
    let message = UnverifiedUplink::decode(&message).map_err(refused!())?;
    Ok(match keys(input).open_uplink(&message).map_err(refused!())? {
        Uplink::Request { counter, request } => json!({
            "type": "request", "counter": counter, "highest": request.highest.0, "unused": request.unused,
            "wanted": request.wanted, "reason": reason_name(request.reason),
            "ephemeral": hex(&request.ephemeral.unwrap_or_default()),
        }),
        Uplink::Enrol { counter, enrol } => json!({
            "type": "enrol", "counter": counter, "profile": enrol.profile.to_byte(), "handle": enrol.handle.0,
            "public_key": hex(&enrol.public_key),
        }),
    })
}

fn expand(input: &Value) -> Outcome {
    let message = bytes(input, "message");
    let cose = match text(input, "direction") {
        "downlink" => expand_downlink(&message, &party(input)),
        _ => expand_uplink(&message),
    };
    Ok(json!({ "cose": hex(&cose.map_err(refused!())?) }))
}

fn compress(input: &Value) -> Outcome {
    let cose = bytes(input, "cose");
    let message = match text(input, "direction") {
        "downlink" => compress_downlink(&cose, &party(input)),
        _ => compress_uplink(&cose),
    };
    Ok(json!({ "message": hex(&message.map_err(refused!())?) }))
}

fn sequence(input: &Value) -> Outcome {
    let bytes = bytes(input, "bytes");
    let messages = split_sequence(&bytes).map_err(refused!())?;
    Ok(json!({ "messages": messages.into_iter().map(hex).collect::<Vec<_>>() }))
}

fn enrolment_uri(input: &Value) -> Outcome {
    Enrolment::from_uri(text(input, "uri")).map(|read| describe(&read)).map_err(refused!())
}

fn enrolment_typed(input: &Value) -> Outcome {
    let groups = texts(input, "groups");
    let (server, realm, label) = (text(input, "server"), text(input, "realm"), text(input, "label"));
    match Enrolment::from_typed(&groups, server, realm, label) {
        Ok(read) => Ok(describe(&read)),
        Err(error @ EnrolmentError::Group { number }) => {
            Err(Refusal { name: error.name(), output: json!({ "group": number }) })
        }
        Err(error) => Err(Refusal { name: error.name(), output: Value::Null }),
    }
}

fn describe(enrolment: &Enrolment) -> Value {
    json!({
        "profile": enrolment.party.profile.to_byte(), "id": hex(&enrolment.party.id.0),
        "activation_secret": hex(enrolment.secret.expose()), "server": enrolment.server, "realm": enrolment.realm,
        "label": enrolment.label,
    })
}

fn keys(input: &Value) -> EpochKeys {
    EpochKeys::derive(&Secret::from_slice(&bytes(input, "key")).unwrap(), &party(input), epoch(input))
}

fn party(input: &Value) -> Party {
    let profile = Profile::from_byte(u8::try_from(number(input, "profile")).unwrap()).unwrap();
    Party { id: id(input), profile }
}

fn id(input: &Value) -> AuthenticatorId {
    AuthenticatorId(bytes(input, "id").try_into().unwrap())
}

fn epoch(input: &Value) -> Epoch {
    Epoch(u32::try_from(number(input, "epoch")).unwrap())
}

fn format(input: &Value) -> Result<CodeFormat, Refusal> {
    let alphabet = match text(input, "alphabet") {
        "decimal" => Alphabet::Decimal,
        _ => Alphabet::Base32,
    };
    CodeFormat::new(alphabet, u8::try_from(number(input, "digits")).unwrap()).map_err(refused!())
}

const fn alphabet_name(alphabet: Alphabet) -> &'static str {
    match alphabet {
        Alphabet::Decimal => "decimal",
        Alphabet::Base32 => "base32",
    }
}

const fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Status => "status",
        Reason::First => "first",
        Reason::Low => "low",
        Reason::Manual => "manual",
        Reason::Rotate => "rotate",
    }
}

fn revealed(codes: &[Code]) -> Vec<String> {
    codes.iter().map(|code| code.reveal().as_str().to_owned()).collect()
}

fn hex(bytes: &[u8]) -> Value {
    Value::String(HEXLOWER.encode(bytes))
}

fn number(input: &Value, name: &str) -> u64 {
    input[name].as_u64().unwrap()
}

fn text<'a>(input: &'a Value, name: &str) -> &'a str {
    input[name].as_str().unwrap()
}

fn texts<'a>(input: &'a Value, name: &str) -> Vec<&'a str> {
    input[name].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn bytes(input: &Value, name: &str) -> Vec<u8> {
    HEXLOWER.decode(text(input, name).as_bytes()).unwrap()
}
