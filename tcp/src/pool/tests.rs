use super::Pool;

#[test]
fn pools_are_numbered_in_the_order_of_their_list() {
    for (number, pool) in Pool::ALL.into_iter().enumerate() {
        assert_eq!(pool as usize, number, "{pool:?}");
    }
}
