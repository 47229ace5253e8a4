#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use matchbook_protocol::{
    AuthenticatorId, CodeIndex, Delivery, Epoch, EpochKeys, Party, Profile, Reason, Request, Secret, Suite,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::test_server::{TestServer, bare};
use super::*;
use crate::system::system_rng;

fn exchange(server: &TestServer, options: &HttpOptions) -> Result<Vec<Vec<u8>>, BearerError> {
    let party = Party { id: AuthenticatorId([7; 8]), profile: Profile::new(Suite::X25519, Delivery::Shared).unwrap() };
    let request = Request { highest: CodeIndex(0), unused: 0, wanted: 0, reason: Reason::Status, ephemeral: None };
    let keys = EpochKeys::derive(&Secret::new([5; 32]), &party, Epoch(0));
    let message = keys.seal_request(1, &request, &mut system_rng()).unwrap();
    HttpBearer::new(&server.url, party, options).unwrap().exchange(&message, None)
}

/// A private authority's certificate in PEM, and a server's configuration with a certificate of its for `name`.
fn authority(name: &str) -> (String, Arc<ServerConfig>) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())))
        .unwrap();
    (issuer.pem(), Arc::new(config))
}

fn trusting(pem: &str) -> HttpOptions {
    HttpOptions { root_certificate: Some(RootCertificate::from_pem(pem.as_bytes()).unwrap()), ..HttpOptions::default() }
}

#[test]
fn a_private_authority_is_trusted_when_named() {
    let (pem, config) = authority("127.0.0.1");
    let server = TestServer::start_tls(vec![bare("204 No Content", "")], config);
    assert!(exchange(&server, &trusting(&pem)).unwrap().is_empty());
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (_, config) = authority("127.0.0.1");
    let (other, _) = authority("127.0.0.1");
    for options in [HttpOptions::default(), trusting(&other)] {
        let server = TestServer::start_tls(vec![bare("204 No Content", "")], Arc::clone(&config));
        let error = exchange(&server, &options).unwrap_err();
        assert!(matches!(error, BearerError::Tls { .. }), "{error:?}");
        assert!(server.asked().is_empty());
    }
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let (pem, config) = authority("codes.example.org");
    let server = TestServer::start_tls(vec![bare("204 No Content", "")], config);
    assert!(matches!(exchange(&server, &trusting(&pem)), Err(BearerError::Tls { .. })));
}

#[test]
fn a_root_certificate_has_to_be_one() {
    for text in ["", "hello", "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n"] {
        assert_eq!(RootCertificate::from_pem(text.as_bytes()).err(), Some(AddressError::RootCertificate), "{text}");
    }
    let key = KeyPair::generate().unwrap().serialize_pem();
    assert!(RootCertificate::from_pem(key.as_bytes()).is_err());
}

#[test]
fn plain_http_to_a_tls_port_is_told() {
    let (_, config) = authority("127.0.0.1");
    let mut server = TestServer::start_tls(vec![bare("204 No Content", "")], config);
    server.url = server.url.replace("https://", "http://");
    let error = exchange(&server, &HttpOptions::default()).unwrap_err();
    assert!(error.to_string().contains("as a port for https:// does"), "{error}");
}
