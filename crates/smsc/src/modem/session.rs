//! A program at the modem: its commands in, answers and notices out.

use std::io;

use matchbook_protocol::sms::tpdu::{Deliver, Timestamp};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Modem;
use super::answer::{self, Answer};
use super::commands::{NoticeOf, STORE};
use super::line::{self, Input, Typed};
use crate::Incoming;

impl Modem {
    /// Serves one program until it hangs up. Cancelling it loses no message that the network has handed over.
    ///
    /// # Errors
    /// The stream failed.
    pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: &mut S) -> io::Result<()> {
        let mut input = Input::default();
        // The length that a prompt waits for.
        let mut prompted = None;
        let mut buffer = [0; 256];
        loop {
            let is_listening = prompted.is_none() && self.card.is_open() && self.store.has_room();
            tokio::select! {
                // What the program says goes first: a notice never stands within an answer.
                biased;
                read = stream.read(&mut buffer) => {
                    let length = read?;
                    if length == 0 {
                        return Ok(());
                    }
                    for byte in buffer.get(..length).unwrap_or_default() {
                        if self.settings.echo {
                            stream.write_all(&[*byte]).await?;
                        }
                        if let Some(typed) = input.push(*byte, prompted.is_some()) {
                            let said = self.take(typed, &mut prompted).await;
                            stream.write_all(said.as_bytes()).await?;
                        }
                    }
                    stream.flush().await?;
                }
                incoming = self.phone.receive(), if is_listening => {
                    if let Some(notice) = self.take_incoming(&incoming) {
                        stream.write_all(notice.as_bytes()).await?;
                        stream.flush().await?;
                    }
                }
            }
        }
    }

    /// Keeps a message that came while no program is there.
    pub(super) async fn keep_next(&mut self) {
        if self.card.is_open() && self.store.has_room() {
            let incoming = self.phone.receive().await;
            if let Some(tpdu) = tpdu_of(&incoming) {
                self.store.keep(tpdu);
            }
        } else {
            std::future::pending::<()>().await;
        }
    }

    async fn take(&mut self, typed: Typed, prompted: &mut Option<usize>) -> String {
        let answer = match (typed, prompted.take()) {
            (Typed::Line(line), _) => self.take_line(&line),
            (Typed::Text(text), Some(length)) => self.submit(length, &text).await,
            (Typed::Text(_), None) | (Typed::Escaped, _) => Answer::ok(),
        };
        if let Answer::Prompt(length) = &answer {
            *prompted = Some(*length);
        }
        answer.write(self.settings.with_numbers)
    }

    /// The commands of a line, one after the other until one is refused.
    fn take_line(&mut self, line: &str) -> Answer {
        let Some(commands) = line::commands(line) else { return Answer::Error };
        let mut lines = Vec::new();
        for command in commands {
            match self.carry_out(&command) {
                Answer::Ok(more) => lines.extend(more),
                other => return other,
            }
        }
        Answer::Ok(lines)
    }

    /// Keeps a message or hands it over; what there is to say about it.
    fn take_incoming(&mut self, incoming: &Incoming) -> Option<String> {
        let tpdu = tpdu_of(incoming)?;
        if self.settings.notice == NoticeOf::Message {
            return Some(format!("\r\n+CMT: ,{}\r\n00{}\r\n", tpdu.len(), answer::to_hex(&tpdu)));
        }
        let place = self.store.keep(tpdu)?;
        (self.settings.notice == NoticeOf::Place).then(|| format!("\r\n+CMTI: \"{STORE}\",{place}\r\n"))
    }
}

/// A message as the network hands it over; `None` for one that no network could.
fn tpdu_of(incoming: &Incoming) -> Option<Vec<u8>> {
    let deliver = Deliver {
        origin: incoming.from.clone(),
        segment: incoming.segment.clone(),
        sent_at: Timestamp::utc(incoming.sent_at),
    };
    deliver.encode().ok()
}
