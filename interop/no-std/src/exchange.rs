//! Enrolment, a first set, a code: the device's engine against the server's keys.

use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;

use matchbook_protocol::{
    AuthenticatorId, Code, CodeFormat, CodeIndex, CodeSet, Delivery, Engine, Enrolment, Epoch, EpochKeys, Event,
    Handle, Output, Party, Profile, Secret, Selector, Suite, Sync, UnixMillis, UnverifiedUplink, Uplink,
    activation_key, compress_downlink, expand_downlink,
};
use rand_core::{TryCryptoRng, TryRng};

/// The number of the step that failed, which is the program's exit code.
pub(crate) struct Step(pub(crate) i32);

const NOW: UnixMillis = UnixMillis(1_790_000_000_000);
const HANDLE: Handle = Handle(3);
const CODES: usize = 40;

/// Runs the exchange in public-key mode, which uses all of the protocol.
pub(crate) fn run() -> Result<(), Step> {
    let mut rng = Counting(0);
    let profile = Profile::new(Suite::X25519, Delivery::PublicKey).map_err(|_| Step(1))?;
    let party = Party { id: AuthenticatorId([7; 8]), profile };
    let secret = Secret::new([9; 16]);
    let server = EpochKeys::derive(&activation_key(&secret, &party), &party, Epoch(0));
    let texts = [String::from("https://codes.example"), String::from("ship-17"), String::from("phone")];
    let [address, realm, label] = texts;
    let enrolment = Enrolment { party, secret, server: address, realm, label };

    let mut device = Engine::enrol(&enrolment, HANDLE, &mut rng).map_err(|_| Step(2))?;
    let Uplink::Enrol { enrol, .. } = open(&server, &transmitted(&mut device).ok_or(Step(3))?)? else {
        return Err(Step(4));
    };
    let sync = Sync { last_request: 1, rotate: false, suspended: false, threshold: 10 };
    let sync = server.seal_sync(HANDLE, 1, &sync, &mut rng).map_err(|_| Step(5))?;
    device.handle_input(&sync, NOW, &mut rng).map_err(|_| Step(6))?;
    let Uplink::Request { request, .. } = open(&server, &transmitted(&mut device).ok_or(Step(7))?)? else {
        return Err(Step(8));
    };
    if request.highest != CodeIndex::NONE || request.wanted == 0 {
        return Err(Step(9));
    }

    let codes: Vec<Code> = (0..CODES).map(|_| Code::draw(CodeFormat::DEFAULT, &mut rng)).collect();
    let first = codes.first().map(Code::value).ok_or(Step(10))?;
    let set = CodeSet::new(CodeIndex(1), CodeFormat::DEFAULT, false, codes).map_err(|_| Step(11))?;
    let set = server.seal_set_to(HANDLE, &enrol.public_key, &set, &mut rng).map_err(|_| Step(12))?;
    let expanded = expand_downlink(&set, &party).map_err(|_| Step(13))?;
    if compress_downlink(&expanded, &party) != Ok(set.clone()) {
        return Err(Step(14));
    }
    device.handle_input(&set, NOW, &mut rng).map_err(|_| Step(15))?;
    device.take_code(Selector::Next, NOW, &mut rng).map_err(|_| Step(16))?;
    if taken(&mut device) == Some(first) && device.remaining() == CODES - 1 { Ok(()) } else { Err(Step(17)) }
}

fn open(server: &EpochKeys, message: &[u8]) -> Result<Uplink, Step> {
    let message = UnverifiedUplink::decode(message).map_err(|_| Step(20))?;
    server.open_uplink(&message).map_err(|_| Step(21))
}

/// The last message that the device wants sent.
fn transmitted(device: &mut Engine) -> Option<Vec<u8>> {
    let mut message = None;
    while let Some(output) = device.poll_output() {
        if let Output::Transmit(bytes) = output {
            message = Some(bytes);
        }
    }
    message
}

/// The value of the code that the device shows.
fn taken(device: &mut Engine) -> Option<u64> {
    let mut value = None;
    while let Some(output) = device.poll_output() {
        if let Output::Event(Event::Code { code, .. }) = output {
            value = Some(code.value());
        }
    }
    value
}

/// Not random at all: each number is the last one, stirred. Enough to see the program run.
pub(crate) struct Counting(pub(crate) u64);

impl TryRng for Counting {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let [a, b, c, d, ..] = self.try_next_u64()?.to_le_bytes();
        Ok(u32::from_le_bytes([a, b, c, d]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Ok(mixed ^ mixed >> 29)
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Infallible> {
        for byte in target {
            let [first, ..] = self.try_next_u64()?.to_le_bytes();
            *byte = first;
        }
        Ok(())
    }
}

impl TryCryptoRng for Counting {}
