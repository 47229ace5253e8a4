use super::*;

#[test]
fn a_head_gives_its_status_and_where_the_body_is() {
    let text = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 17\r\ndate: x\r\n\r\n{\"accepted\":true}";
    let head = Head::read(text).unwrap().unwrap();
    assert_eq!((head.status, head.length), (200, 17));
    assert_eq!(text.get(head.start..).unwrap(), b"{\"accepted\":true}");
}

#[test]
fn a_head_that_is_not_whole_is_waited_for() {
    assert!(Head::read(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap().is_none());
}

#[test]
fn an_answer_without_content_has_no_length() {
    let head = Head::read(b"HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n").unwrap().unwrap();
    assert_eq!((head.status, head.length), (204, 0));
}

#[test]
fn what_is_not_http_ends_the_measurement() {
    assert!(Head::read(b"SSH-2.0-\r\n\r\n").is_err());
    // A length is what tells the end of an answer here.
    assert!(Head::read(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
}
