use super::*;

fn key() -> Key {
    let mut key = Key::new("10.1.2.0".parse().unwrap(), 24, b"hunter2").unwrap();
    (key.send_id, key.receive_id, key.algorithm) = (61, 84, 2);
    (key.mac_bytes, key.flags) = (12, EXCLUDES_OPTIONS | SETS_NEXT);
    key
}

#[test]
fn what_travels_arrives() {
    assert_eq!(Key::from_bytes(&key().to_bytes()), Some(key()));
    let other = Key::new("2001:db8::1".parse().unwrap(), 128, &[7; 80]).unwrap();
    assert_eq!(Key::from_bytes(&other.to_bytes()), Some(other));
}

#[test]
fn what_cannot_be_is_refused() {
    let mut bytes = key().to_bytes();
    assert_eq!(Key::from_bytes(&bytes[1..]), None);
    bytes[6] = 81;
    assert_eq!(Key::from_bytes(&bytes), None);
    assert_eq!(Key::new("::".parse().unwrap(), 0, &[1; 81]), None);
}

#[test]
fn its_secret_is_not_shown() {
    assert_eq!(format!("{:?}", key()), "Key(10.1.2.0/24, ..)");
}
