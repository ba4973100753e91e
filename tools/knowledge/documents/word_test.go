package documents

import (
	"archive/zip"
	"bytes"
	"testing"

	"frontdesk/internal/require"
)

const wordStyles = `<w:styles>
	<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
	<w:style w:styleId="Kapitel"><w:name w:val="Kapitel"/><w:basedOn w:val="berschrift1"/></w:style>
	<w:style w:styleId="Frage"><w:name w:val="Frage"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>
	<w:style w:styleId="Verzeichnis1"><w:name w:val="toc 1"/></w:style>
	<w:style w:styleId="Kreis"><w:basedOn w:val="Kreis"/></w:style>
</w:styles>`

// wordFile returns a Word document with a main text and styles.
func wordFile(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	for name, content := range map[string]string{
		"_rels/.rels":        `<Relationships><Relationship Type="http://x/officeDocument" Target="/word/document2.xml"/></Relationships>`,
		"word/document2.xml": text,
		"word/styles.xml":    wordStyles,
	} {
		w, err := archive.Create(name)
		require.NoError(t, err)
		_, err = w.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	return b.Bytes()
}

// Word translates the ids of styles, and people make styles of their own. Two headings of the
// first level are chapters. What is deleted, hidden, or a second form of the same does not count.
func TestWordDetails(t *testing.T) {
	page, err := read(t.Context(), "x.docx", wordFile(t, `<w:document><w:body>
		<w:p><w:pPr><w:pStyle w:val="Verzeichnis1"/></w:pPr><w:r><w:t>Versand 3</w:t></w:r></w:p>
		<w:p><w:pPr><w:pStyle w:val="berschrift1"/></w:pPr><w:r><w:t>Versand</w:t></w:r></w:p>
		<w:p><w:pPr><w:pStyle w:val="Frage"/></w:pPr><w:r><w:t>Wie </w:t></w:r><w:ins><w:r><w:t>lange?</w:t></w:r></w:ins><w:del><w:r><w:delText>teuer?</w:delText></w:r></w:del></w:p>
		<w:p><w:r><w:t>Zwei</w:t><w:br/><w:t>Tage</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t> geheim</w:t></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>
			<mc:AlternateContent><mc:Choice><w:txbxContent><w:p><w:r><w:t>Kasten</w:t></w:r></w:p></w:txbxContent></mc:Choice>
			<mc:Fallback><w:txbxContent><w:p><w:r><w:t>Kasten</w:t></w:r></w:p></w:txbxContent></mc:Fallback></mc:AlternateContent></w:p>
		<w:p><w:pPr><w:pStyle w:val="Kapitel"/></w:pPr><w:r><w:t>Preise</w:t></w:r></w:p>
		<w:p><w:pPr><w:pStyle w:val="Kreis"/></w:pPr><w:r><w:rPr><w:b/></w:rPr><w:t>Fett und kurz</w:t></w:r></w:p>
		<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Lampe</w:t></w:r></w:p></w:tc><w:tc><w:tbl><w:tr><w:tc><w:p><w:r><w:t>9 €</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>neu</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:tc></w:tr></w:tbl>
		<w:tbl><w:tr><w:tc><w:p><w:pPr><w:pStyle w:val="Frage"/></w:pPr><w:r><w:t>Im Rahmen?</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Ja.</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
		</w:body></w:document>`))
	require.NoError(t, err)
	const want = `title: 

# Versand > Wie lange?
Kasten
Zwei Tage

# Preise
Fett und kurz
Lampe, 9 €, neu

# Preise > Im Rahmen?
Ja.
`
	if got := show(page); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
