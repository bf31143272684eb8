package main

import (
	"crypto/des"
	"crypto/rc4"
	"os"
)

func main() {
	block, _ := des.NewCipher([]byte("8 bytes."))
	stream, _ := rc4.NewCipher([]byte(os.Args[0]))
	room := make([]byte, 8)
	block.Encrypt(room, room)
	stream.XORKeyStream(room, room)
	os.Stdout.Write(room)
}
