use super::super::sample::Desk;

fn show(width: u16, height: u16, keys: &str) -> String {
    let mut desk = Desk::new(width, height);
    desk.keys(keys);
    desk.model.notice = None;
    desk.screen()
}

#[test]
fn look() {
    for (w, h, keys) in [
        (80, 24, ""),
        (80, 24, "j Enter"),
        (80, 24, "j Enter v"),
        (80, 24, "j j Enter D \"Mitigation of INC-771.\" Tab \"y\""),
        (80, 24, "g o"),
        (80, 24, "g h"),
        (80, 24, "?"),
        (80, 24, ":"),
        (120, 40, "j Enter"),
        (120, 40, "j Enter v"),
        (200, 60, "j"),
        (60, 18, "j"),
        (52, 15, "j"),
        (20, 5, "j"),
    ] {
        println!("==== {w}x{h} {keys}\n{}", show(w, h, keys));
    }
}
