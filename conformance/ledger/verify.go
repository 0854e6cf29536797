// Verifies a ledger folder with the sumdb packages of the Go toolchain alone: another language, other authors.
// Provenance: tests/ledger/test_foreign.py builds it against $GOROOT/src/cmd/vendor/golang.org/x/mod/sumdb.

package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"

	"caveat.invalid/ledger/sumdb/note"
	"caveat.invalid/ledger/sumdb/tlog"
)

func must(e error) {
	if e != nil {
		fmt.Println("FAIL", e)
		os.Exit(1)
	}
}

type tiles struct{ dir string }

func (t tiles) Height() int { return 8 }
func (t tiles) ReadTiles(ts []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, x := range ts {
		b, err := os.ReadFile(t.dir + "/tile/" + strings.TrimPrefix(x.Path(), "tile/8/"))
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func main() {
	dir := os.Args[1]
	vk, err := os.ReadFile(dir + "/log.pub")
	must(err)
	lv, err := note.NewVerifier(strings.TrimSpace(string(vk)))
	must(err)
	b, err := os.ReadFile(dir + "/checkpoint")
	must(err)
	n, err := note.Open(b, note.VerifierList(lv))
	must(err)
	l := strings.Split(n.Text, "\n")
	sz, err := strconv.ParseInt(l[1], 10, 64)
	must(err)
	h, err := base64.StdEncoding.DecodeString(l[2])
	must(err)
	var tree tlog.Tree
	tree.N = sz
	copy(tree.Hash[:], h)
	hr := tlog.TileHashReader(tree, tiles{dir})
	var idx int64
	for n := int64(0); n*256 < tree.N; n++ {
		t := tlog.Tile{H: 8, L: 0, N: n, W: 256}
		if tree.N-n*256 < 256 {
			t.W = int(tree.N - n*256)
		}
		raw, err := os.ReadFile(dir + "/tile/entries/" + strings.TrimPrefix(t.Path(), "tile/8/0/"))
		must(err)
		var hs []tlog.Hash
		var ix []int64
		for len(raw) > 0 {
			l := binary.BigEndian.Uint16(raw)
			hs = append(hs, tlog.RecordHash(raw[2:2+l]))
			raw = raw[2+l:]
			ix = append(ix, tlog.StoredHashIndex(0, idx))
			idx++
		}
		got, err := hr.ReadHashes(ix)
		must(err)
		for i := range got {
			if got[i] != hs[i] {
				must(fmt.Errorf("entry mismatch in bundle %d", n))
			}
		}
	}
	fmt.Println("signature and all entries match authenticated tiles:", idx)
}
