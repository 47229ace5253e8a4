//! A recorder between an ESME and a centre, and a capture file of what it heard.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// The centre's port in the capture.
pub(crate) const PORT: u16 = 2775;

type Heard = Arc<Mutex<Vec<(bool, Vec<u8>)>>>;

/// Passes one connection on, and keeps what crossed: whether the centre said it, and its octets.
pub(crate) struct Recorder {
    address: SocketAddr,
    heard: Heard,
}

impl Recorder {
    pub(crate) async fn start(centre: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let recorder = Self { address: listener.local_addr().unwrap(), heard: Heard::default() };
        let heard = Arc::clone(&recorder.heard);
        tokio::spawn(async move {
            let (esme, _) = listener.accept().await.unwrap();
            let centre = TcpStream::connect(centre).await.unwrap();
            let ((from_esme, to_esme), (from_centre, to_centre)) = (esme.into_split(), centre.into_split());
            tokio::spawn(pass(false, from_esme, to_centre, Arc::clone(&heard)));
            pass(true, from_centre, to_esme, heard).await;
        });
        recorder
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The PDUs, each whole.
    pub(crate) fn pdus(&self) -> Vec<(bool, Vec<u8>)> {
        let (mut pdus, mut half) = (Vec::new(), [Vec::new(), Vec::new()]);
        for (is_centre, octets) in self.heard.lock().unwrap().iter() {
            let stream: &mut Vec<u8> = &mut half[usize::from(*is_centre)];
            stream.extend(octets);
            while let Some(length) = stream.first_chunk::<4>().map(|length| u32::from_be_bytes(*length) as usize) {
                if stream.len() < length {
                    break;
                }
                pdus.push((*is_centre, stream.drain(..length).collect()));
            }
        }
        pdus
    }
}

async fn pass(is_centre: bool, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, heard: Heard) {
    let mut buffer = [0; 4_096];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        heard.lock().unwrap().push((is_centre, buffer[..length].to_vec()));
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// A capture of raw IPv4 (link type 101), a PDU a packet, with the sequence numbers of a TCP connection.
pub(crate) fn capture(pdus: &[(bool, Vec<u8>)]) -> Vec<u8> {
    const ESME: ([u8; 4], u16) = ([192, 0, 2, 1], 40_000);
    const CENTRE: ([u8; 4], u16) = ([192, 0, 2, 2], PORT);
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2, 0, 4, 0]);
    for word in [0_u32, 0, 65_535, 101] {
        file.extend(word.to_le_bytes());
    }
    let mut sent = [1_u32, 1];
    for (is_centre, pdu) in pdus {
        let (from, to) = if *is_centre { (CENTRE, ESME) } else { (ESME, CENTRE) };
        let length = u16::try_from(40 + pdu.len()).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        packet.extend(from.0);
        packet.extend(to.0);
        packet.extend(from.1.to_be_bytes());
        packet.extend(to.1.to_be_bytes());
        packet.extend(sent[usize::from(*is_centre)].to_be_bytes());
        packet.extend(sent[usize::from(!*is_centre)].to_be_bytes());
        // A header of five words; PSH and ACK; a window; no checksum; not urgent.
        packet.extend([0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(pdu);
        sent[usize::from(*is_centre)] += u32::try_from(pdu.len()).unwrap();
        let captured = u32::from(length);
        for word in [0, 0, captured, captured] {
            file.extend(word.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}
