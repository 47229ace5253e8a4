use super::*;

#[test]
fn codes_are_not_compared_and_all_else_is() {
    assert_eq!(masked("code 1 is 402913, and 39 are left"), "code 1 is (code), and 39 are left");
    assert_eq!(masked("0123456789"), "(code)");
    assert_ne!(masked("39 are left"), masked("38 are left"));
}

#[test]
fn code_is_put_into_the_file_that_its_block_names() {
    assert_eq!(sample_name("c device.c"), Some("device.c"));
    assert_eq!(sample_name("python device.py"), Some("device.py"));
    assert_eq!(sample_name(SAMPLE), None);
    assert_eq!(sample_name("c"), None);
}
