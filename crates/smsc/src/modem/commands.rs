//! The commands: what each does, and what it says.

use matchbook_protocol::sms::tpdu::Submit;

use super::Modem;
use super::answer::{self, Answer};

/// The most octets of a TPDU: 164 of TS 23.040's longest SUBMIT, and some.
const MAX_TPDU: usize = 180;
/// The name of the one store.
pub(super) const STORE: &str = "SM";

/// What programs set.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) echo: bool,
    /// Errors with their numbers (AT+CMEE).
    pub(super) with_numbers: bool,
    /// What becomes of a message that comes (AT+CNMI, its second number).
    pub(super) notice: NoticeOf,
    is_on: bool,
    registration: u8,
    operator_format: u8,
}

/// What becomes of a message that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoticeOf {
    /// It is stored, and nothing is said.
    Nothing,
    /// It is stored, and its place is told (+CMTI).
    Place,
    /// It is handed over and not stored (+CMT).
    Message,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            echo: true,
            with_numbers: false,
            notice: NoticeOf::Nothing,
            is_on: true,
            registration: 0,
            operator_format: 0,
        }
    }
}

impl Modem {
    /// Carries out one command of a line, without its `AT`.
    pub(super) fn carry_out(&mut self, command: &str) -> Answer {
        let upper = command.trim().to_ascii_uppercase();
        let (name, rest) = match upper.strip_prefix('+') {
            Some(extended) => {
                let length = extended.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(extended.len());
                extended.split_at_checked(length).unwrap_or((extended, ""))
            }
            None => return self.basic(&upper),
        };
        if let Some(answer) = self.general(name, rest) {
            return answer;
        }
        if !self.card.is_open() {
            return Answer::Equipment(SIM_PIN_REQUIRED);
        }
        self.messages(name, rest)
    }

    /// What follows the prompt of AT+CMGS.
    pub(super) async fn submit(&mut self, length: usize, text: &str) -> Answer {
        let Some(octets) = answer::from_hex(text.trim()) else { return Answer::Message(INVALID_PDU) };
        let tpdu = octets.split_first().and_then(|(centre, rest)| rest.get(usize::from(*centre)..));
        let Some(submit) = tpdu.filter(|tpdu| tpdu.len() == length).and_then(|tpdu| Submit::decode(tpdu).ok()) else {
            return Answer::Message(INVALID_PDU);
        };
        if !self.settings.is_on {
            return Answer::Message(NO_NETWORK);
        }
        self.phone.send(&submit.destination, submit.segment).await;
        self.reference = self.reference.wrapping_add(1);
        Answer::line(format!("+CMGS: {}", self.reference))
    }

    /// Commands of a letter.
    fn basic(&mut self, command: &str) -> Answer {
        match command {
            "E" | "E0" => self.settings.echo = false,
            "E1" => self.settings.echo = true,
            "Z" | "&F" | "&F0" => {
                let is_on = self.settings.is_on;
                self.settings = Settings { is_on, ..Settings::default() };
            }
            "I" | "I0" => return Answer::line("Matchbook simulated modem"),
            "" | "V1" | "Q0" | "X4" | "X0" | "&C1" | "&D2" | "S0=0" | "H" | "H0" => {}
            _ => return Answer::Error,
        }
        Answer::ok()
    }

    /// Commands that need no SIM card.
    fn general(&mut self, name: &str, rest: &str) -> Option<Answer> {
        let imei = self.number_of(15);
        let answer = match (name, rest) {
            ("GCAP", "") => Answer::line("+GCAP: +CGSM,+DS,+ES"),
            ("CGMI" | "GMI", "") => Answer::line("Matchbook"),
            ("CGMM" | "GMM", "") => Answer::line("Simulated modem"),
            ("CGMR" | "GMR", "") => Answer::line("1"),
            ("CGSN" | "GSN", "") => Answer::line(imei),
            ("CMEE", "=0") => {
                self.settings.with_numbers = false;
                Answer::ok()
            }
            ("CMEE", "=1" | "=2") => {
                self.settings.with_numbers = true;
                Answer::ok()
            }
            ("CPIN", "?") => Answer::line(format!("+CPIN: {}", self.card.state())),
            ("CPIN", pin) => {
                let pin = pin.trim_start_matches('=').trim_matches('"').to_owned();
                if self.card.enter(&pin) { Answer::ok() } else { Answer::Equipment(WRONG_PIN) }
            }
            ("CFUN", "?") => Answer::line(format!("+CFUN: {}", u8::from(self.settings.is_on))),
            ("CFUN", "=?") => Answer::line("+CFUN: (0,1,4),(0,1)"),
            ("CFUN", "=1" | "=1,0" | "=0" | "=4" | "=0,0" | "=4,0") => {
                self.settings.is_on = rest.starts_with("=1");
                self.phone.set_on(self.settings.is_on);
                Answer::ok()
            }
            ("CSQ", "") => Answer::line(if self.settings.is_on { "+CSQ: 24,0" } else { "+CSQ: 99,99" }),
            ("CREG" | "CGREG", "?") => {
                let state = u8::from(self.settings.is_on);
                Answer::line(format!("+{name}: {},{state}", self.settings.registration))
            }
            ("CREG" | "CGREG", "=?") => Answer::line(format!("+{name}: (0-1)")),
            ("CREG" | "CGREG", "=0" | "=1") => {
                self.settings.registration = u8::from(rest == "=1");
                Answer::ok()
            }
            ("COPS", "=3,0" | "=3,2") => {
                self.settings.operator_format = if rest.ends_with('2') { 2 } else { 0 };
                Answer::ok()
            }
            ("COPS", "?") if self.settings.operator_format == 2 => Answer::line("+COPS: 0,2,\"00101\""),
            ("COPS", "?") => Answer::line("+COPS: 0,0,\"Matchbook\""),
            ("COPS", "=0") => Answer::ok(),
            ("CSCS", "?") => Answer::line("+CSCS: \"GSM\""),
            ("CSCS", "=?") => Answer::line("+CSCS: (\"GSM\",\"IRA\")"),
            ("CSCS", "=\"GSM\"" | "=\"IRA\"") => Answer::ok(),
            _ => return None,
        };
        Some(answer)
    }

    /// Commands that need the SIM card: messages, and who this is.
    fn messages(&mut self, name: &str, rest: &str) -> Answer {
        match (name, rest) {
            ("CIMI", "") => Answer::line(format!("00101{}", self.number_of(10))),
            ("CNUM", "") => {
                let ton = if self.phone.number().type_of_number() == 1 { 145 } else { 129 };
                Answer::line(format!("+CNUM: \"\",\"{}\",{ton}", self.phone.number()))
            }
            ("CSCA", "?") => Answer::line("+CSCA: \"+0010\",145"),
            ("CMGF", "?") => Answer::line("+CMGF: 0"),
            ("CMGF", "=?") => Answer::line("+CMGF: (0)"),
            ("CMGF", "=0") => Answer::ok(),
            ("CSMS", "?") => Answer::line("+CSMS: 0,1,1,0"),
            ("CSMS", "=?") => Answer::line("+CSMS: (0,1)"),
            ("CSMS", "=0" | "=1") => Answer::line("+CSMS: 1,1,0"),
            ("CNMI", "=?") => Answer::line("+CNMI: (0-2),(0-2),(0),(0),(0,1)"),
            ("CNMI", _) => self.ask_for_notices(rest),
            ("CPMS", "=?") => Answer::line(format!("+CPMS: (\"{STORE}\"),(\"{STORE}\"),(\"{STORE}\")")),
            ("CPMS", _) => self.stores(rest),
            ("CMGL", "=?") => Answer::line("+CMGL: (0-4)"),
            ("CMGL", _) => self.list(rest),
            ("CMGR", _) => self.read(rest),
            ("CMGD", "=?") => Answer::line(format!("+CMGD: (1-{}),(0-4)", self.store.capacity())),
            ("CMGD", _) => self.delete(rest),
            ("CMGS", _) => match rest.strip_prefix('=').and_then(|length| length.parse().ok()) {
                Some(length) if (1..=MAX_TPDU).contains(&length) => Answer::Prompt(length),
                Some(_) | None => Answer::Message(INVALID_PARAMETER),
            },
            _ => Answer::Error,
        }
    }

    fn ask_for_notices(&mut self, rest: &str) -> Answer {
        if rest == "?" {
            let notice = match self.settings.notice {
                NoticeOf::Nothing => 0,
                NoticeOf::Place => 1,
                NoticeOf::Message => 2,
            };
            return Answer::line(format!("+CNMI: 2,{notice},0,0,0"));
        }
        let fields: Vec<&str> = rest.strip_prefix('=').unwrap_or_default().split(',').map(str::trim).collect();
        self.settings.notice = match fields.get(1).copied().unwrap_or("0") {
            "0" => NoticeOf::Nothing,
            "1" => NoticeOf::Place,
            "2" => NoticeOf::Message,
            _ => return Answer::Message(INVALID_PARAMETER),
        };
        Answer::ok()
    }

    fn stores(&mut self, rest: &str) -> Answer {
        let (used, total) = (self.store.len(), self.store.capacity());
        if rest == "?" {
            let one = format!("\"{STORE}\",{used},{total}");
            return Answer::line(format!("+CPMS: {one},{one},{one}"));
        }
        let names = rest.strip_prefix('=').unwrap_or_default();
        if names.split(',').all(|name| name.trim_matches('"') == STORE) {
            Answer::line(format!("+CPMS: {used},{total},{used},{total},{used},{total}"))
        } else {
            Answer::Message(INVALID_PARAMETER)
        }
    }

    fn list(&mut self, rest: &str) -> Answer {
        let wanted = match rest.strip_prefix('=').unwrap_or("0") {
            "0" => [true, false],
            "1" => [false, true],
            "2" | "3" => [false, false],
            "4" => [true, true],
            _ => return Answer::Message(INVALID_PARAMETER),
        };
        let [unread, read] = wanted;
        let mut lines = Vec::new();
        for place in self.store.places() {
            let is_wanted = if self.store.is_read(place) { read } else { unread };
            let Some(kept) = is_wanted.then(|| self.store.read(place)).flatten() else { continue };
            let stat = u8::from(kept.is_read);
            lines.push(format!("+CMGL: {place},{stat},,{}\r\n00{}", kept.tpdu.len(), answer::to_hex(&kept.tpdu)));
        }
        Answer::Ok(lines)
    }

    fn read(&mut self, rest: &str) -> Answer {
        let kept = index_of(rest).and_then(|place| self.store.read(place));
        let Some(kept) = kept else { return Answer::Message(INVALID_INDEX) };
        let stat = u8::from(kept.is_read);
        Answer::line(format!("+CMGR: {stat},,{}\r\n00{}", kept.tpdu.len(), answer::to_hex(&kept.tpdu)))
    }

    fn delete(&mut self, rest: &str) -> Answer {
        let (place, flag) = rest.split_once(',').unwrap_or((rest, "0"));
        match flag.trim() {
            "0" => {
                let deleted = index_of(place).is_some_and(|place| self.store.delete(place));
                if deleted { Answer::ok() } else { Answer::Message(INVALID_INDEX) }
            }
            "1" | "2" | "3" => {
                self.store.delete_all(true);
                Answer::ok()
            }
            "4" => {
                self.store.delete_all(false);
                Answer::ok()
            }
            _ => Answer::Message(INVALID_PARAMETER),
        }
    }

    /// So many digits that are this phone's own.
    fn number_of(&self, digits: usize) -> String {
        let own: String = self.phone.number().text().chars().filter(char::is_ascii_digit).collect();
        let padded = format!("{own:0>digits$}");
        padded.get(padded.len().saturating_sub(digits)..).unwrap_or_default().to_owned()
    }
}

fn index_of(rest: &str) -> Option<u32> {
    rest.trim_start_matches('=').trim().parse().ok()
}

const SIM_PIN_REQUIRED: u16 = 11;
const WRONG_PIN: u16 = 16;
const INVALID_PARAMETER: u16 = 302;
const INVALID_PDU: u16 = 304;
const INVALID_INDEX: u16 = 321;
const NO_NETWORK: u16 = 331;
