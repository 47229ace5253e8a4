//! The session through TLS.

use std::fs;
use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::Rig;
use super::peer::{BIND, RESP, pdu};
use crate::bearer::sms::config::SmsConfig;
use crate::bearer::sms::testing::until;

/// A centre with a certificate for `localhost`, and the folder of a configuration that believes in it.
async fn centre() -> (TcpListener, TlsAcceptor, TempDir) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("ca.pem"), made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    (listener, TlsAcceptor::from(Arc::new(config)), folder)
}

fn config(host: &str, listener: &TcpListener, folder: &TempDir, more: &str) -> SmsConfig {
    let port = listener.local_addr().unwrap().port();
    let text = format!(
        "number = \"16020\"\n[[centre]]\nname = \"north\"\naddress = \"{host}:{port}\"\nsystem_id = \"m\"\n\
         password = \"p\"\ntls = true\n{more}\n"
    );
    SmsConfig::from_toml(&text, folder.path()).unwrap()
}

#[tokio::test]
async fn a_centre_with_the_right_certificate_is_bound() {
    let (listener, acceptor, folder) = centre().await;
    let rig = Rig::start(&config("localhost", &listener, &folder, "ca_file = \"ca.pem\""));
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = acceptor.accept(stream).await.unwrap();
    let mut head = [0; 16];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[4..8], BIND.to_be_bytes());
    stream.write_all(&pdu(BIND | RESP, 0, 1, b"centre\0")).await.unwrap();
    stream.flush().await.unwrap();
    rig.until_up().await;
}

#[tokio::test]
async fn a_centre_with_another_certificate_or_name_gets_no_password() {
    for (host, more) in [("localhost", ""), ("127.0.0.1", "ca_file = \"ca.pem\"")] {
        let (listener, acceptor, folder) = centre().await;
        let rig = Rig::start(&config(host, &listener, &folder, more));
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 0, "nothing is said");
        }
        until("it was noticed", || rig.counts.reconnects.get() > 0).await;
    }
}
