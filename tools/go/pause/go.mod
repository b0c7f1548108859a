module inferstack/tools/pause

go 1.26
