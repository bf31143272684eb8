fn main() {
    let mut state = [1u32, 2, 3, std::env::args().count() as u32];
    md5::compress(&mut state, &[3u32; 16]);
    println!("{:?}", state);
}
