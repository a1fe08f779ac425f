// Renders templates as SPIRE's controller manager does: a line of JSON in, a line of JSON out.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"text/template"
)

type objectMeta struct {
	Name, Namespace, UID string
	Labels, Annotations  map[string]string
}

type data struct {
	TrustDomain, ClusterName, ClusterDomain string
	PodMeta                                 *objectMeta
	PodSpec                                 *struct{ ServiceAccountName, NodeName string }
}

type request struct {
	Template string
	Data     *data
}

type answer struct {
	Text  string
	Error string
}

func render(asked request) answer {
	parsed, err := template.New("spiffeIDTemplate").Parse(asked.Template)
	if err != nil {
		return answer{Error: err.Error()}
	}
	var out strings.Builder
	if err := parsed.Execute(&out, asked.Data); err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Text: out.String()}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		if err := answers.Encode(render(asked)); err != nil {
			panic(err)
		}
	}
}
