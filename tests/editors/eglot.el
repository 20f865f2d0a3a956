;;; eglot.el --- `fathom lsp' in an Emacs without a terminal  -*- lexical-binding: t -*-

;; `emacs --batch -Q -l tests/editors/eglot.el': Eglot with the configuration that the guide prints.
;; FATHOM's folder is on the path, TREE is a folder with a `main.py', GUIDE is docs/editors/emacs.md.

;;; Code:

(setq package-user-dir "/nonexistent")
(unless (require 'eglot nil t)
  ;; Debian 12 has it as a package of its own, which `-Q' does not look for.
  (dolist (folder (file-expand-wildcards "/usr/share/emacs/site-lisp/elpa*/*" t))
    (add-to-list 'load-path folder))
  (require 'eglot))

(defun guide-first-block ()
  "The first piece of Lisp in the guide, as a form."
  (with-temp-buffer
    (insert-file-contents (getenv "GUIDE"))
    (re-search-forward "^```elisp\n")
    (read (current-buffer))))

(defun check (what found expected)
  "Fails, naming WHAT, unless FOUND is EXPECTED."
  (unless (equal found expected)
    (error "%s: %S is not %S" what found expected)))

(defun wait-for (what condition)
  "Waits until CONDITION gives something and returns that; names WHAT after 20 seconds."
  (let ((end (+ (float-time) 20)) (found nil))
    (while (not (setq found (funcall condition)))
      (when (> (float-time) end)
        (error "%s: not after 20 seconds" what))
      (accept-process-output nil 0.05))
    found))

(defun position-at (text)
  "Parameters of a request about the beginning of the last TEXT in the buffer."
  (goto-char (point-max))
  (search-backward text)
  (eglot--TextDocumentPositionParams))

(eval (guide-first-block) t)
(setq eglot-sync-connect t
      eglot-connect-timeout 20
      eglot-autoshutdown nil)

(find-file (expand-file-name "main.py" (getenv "TREE")))
(check "the mode" major-mode 'python-mode)
(apply #'eglot (eglot--guess-contact))
(let ((server (eglot-current-server)))
  (check "the server" (file-name-nondirectory (car (process-command (jsonrpc--process server)))) "fathom")
  (wait-for "the card"
            (lambda ()
              (let* ((hover (jsonrpc-request server :textDocument/hover (position-at "add(1)")))
                     (text (and hover (eglot--hover-info (plist-get hover :contents)))))
                (and text (string-match-p "function.*add" text)))))
  ;; What is typed and not saved counts.
  (goto-char (point-min))
  (insert "# höhe 𝄞\n\n")
  (let ((found (jsonrpc-request server :textDocument/definition
                                (progn (eglot--signal-textDocument/didChange)
                                       (position-at "add(1)")))))
    (check "the definition"
           (plist-get (plist-get (plist-get (elt found 0) :range) :start) :line) 2))
  ;; The actions, as `eglot-code-actions' shows and runs them.
  (position-at "add(1)")
  (let* ((actions (eglot-code-actions (point) (point)))
         (explain (seq-find (lambda (action)
                              (string-match-p "Explain" (plist-get action :title)))
                            actions)))
    (check "the actions" (mapcar (lambda (action) (plist-get action :command)) actions) nil)
    (eglot--dbind ((CodeAction) command) explain
      (eglot-execute-command server (intern (plist-get command :command))
                             (plist-get command :arguments)))
    (wait-for "the explanation"
              (lambda ()
                (seq-find (lambda (buffer)
                            (string-match-p "/shown/.*\\.md\\'" (or (buffer-file-name buffer) "")))
                          (buffer-list)))))
  (eglot-shutdown server))
(message "eglot: all is well")

;;; eglot.el ends here
