use super::*;

#[test]
fn a_password_is_covered_wherever_it_stands() {
    for (text, covered) in [
        ("postgres://mb:se:cr@et@db1/x?sslmode=require", "postgres://mb:***@db1/x?sslmode=require"),
        ("postgresql://mb:@db1,db2:5433/x", "postgresql://mb:***@db1,db2:5433/x"),
        ("postgres://db1/x?user=mb&password=geheim&a=b", "postgres://db1/x?user=mb&password=***&a=b"),
        ("postgres://mb@db1?PASSWORD=geheim", "postgres://mb@db1?password=***"),
    ] {
        assert_eq!(without_password(text).as_deref(), Some(covered), "{text}");
        assert_eq!(shown(text), covered);
    }
    for text in ["postgres://mb@db1/x", "postgres://db1/x", "sqlite:/srv/mb:x@y.db", "postgres://db1:5432/x?user=mb"] {
        assert_eq!(without_password(text), None, "{text}");
        assert_eq!(shown(text), text);
    }
}

#[test]
fn what_is_no_database_is_refused() {
    for good in ["postgres://db1/x", "postgresql://mb@db1,db2/x?sslmode=require", "sqlite:/srv/mb.db", "sqlite:mb.db"] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    for bad in
        ["", "db1", "mysql://db1/x", "postgres://", "postgres:///x", "sqlite:", "postgres://db 1/x", "/srv/mb.db"]
    {
        assert!(check(bad).is_err(), "{bad}");
    }
}
