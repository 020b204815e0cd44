// The files that browsers get, in web/: symbol, name, media type. A new one also goes into the
// room's CMakeLists.txt. Included where WEB_FILE is defined.
WEB_FILE(docs_html, "docs.html", "text/html; charset=utf-8")
WEB_FILE(docs_css, "docs.css", "text/css; charset=utf-8")
WEB_FILE(docs_js, "docs.js", "text/javascript; charset=utf-8")
WEB_FILE(index_html, "index.html", "text/html; charset=utf-8")
WEB_FILE(base_css, "base.css", "text/css; charset=utf-8")
WEB_FILE(app_js, "app.js", "text/javascript; charset=utf-8")
WEB_FILE(api_js, "api.js", "text/javascript; charset=utf-8")
WEB_FILE(dom_js, "dom.js", "text/javascript; charset=utf-8")
WEB_FILE(banner_js, "banner.js", "text/javascript; charset=utf-8")
WEB_FILE(gallery_js, "gallery.js", "text/javascript; charset=utf-8")
WEB_FILE(undo_js, "undo.js", "text/javascript; charset=utf-8")
